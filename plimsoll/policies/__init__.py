"""A profile written down as policy: least privilege is what was used."""
