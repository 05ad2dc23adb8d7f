"""productcatalogservice: the nine products."""
