"""A box as plain arrays in one HDF5 or zarr file."""
