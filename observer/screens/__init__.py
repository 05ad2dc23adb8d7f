"""One folder per screen: `routes.py` (HTTP), `view.py` (view-model), then files named by what they hold."""
