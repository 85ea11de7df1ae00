"""How the outside is reached: proxies and certificates of the environment, and which hosts are everybody's."""
