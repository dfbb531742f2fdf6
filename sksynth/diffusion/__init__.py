"""The diffusion process: noise levels, denoisers and samplers for any network."""
