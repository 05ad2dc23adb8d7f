"""The rules of alerts that ship, as data; a package only so that a wheel carries them."""
