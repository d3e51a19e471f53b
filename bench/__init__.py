"""mrcpbalance measured beside other proxies; see README.md."""
