"""Snapshots and halos as Gadget-2, -3, -4 and AREPO write them in HDF5."""
