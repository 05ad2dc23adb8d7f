"""The RUM overview and RUM Tag Spotlight."""
