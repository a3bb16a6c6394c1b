"""An AWS to try Sanso on: MiniStack with extensions, in a process of its own on loopback."""
