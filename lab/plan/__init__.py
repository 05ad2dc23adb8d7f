"""What will run: the topology, ports, environments, and the compose file made from the same table."""
