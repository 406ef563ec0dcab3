"""Features of the linear density: smoothed, standardised by their moments."""
