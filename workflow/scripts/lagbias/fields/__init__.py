"""Fields on periodic meshes: transforms, painting, shells of modes, bispectra, cubes."""
