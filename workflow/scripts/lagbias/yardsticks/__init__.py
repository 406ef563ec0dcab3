"""What networks are compared with: linear bias, polynomials, bins, labels."""
