"""The web screens and the JSON API over the store: RUM, APM, Logs, Workshop.

Knows the domain (`signals`), the store's contract (`store.api`) and the incidents as data;
neither an engine nor the shop's code.
"""
