"""What a learned f is: gradients, angles, biases."""
