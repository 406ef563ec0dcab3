"""Tables, from files of fits and evaluations to CSV."""
