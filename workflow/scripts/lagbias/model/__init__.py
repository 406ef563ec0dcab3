"""A trained model as one file, and what is done with it: f of any density, fields of halos."""
