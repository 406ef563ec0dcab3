"""Model fields on boxes, their spectra and statistics."""
