"""The configuration: read once from TOML into frozen classes, every fault named with its line."""

from ._model import (
    Address,
    AdminConfig,
    BackendConfig,
    Config,
    HealthConfig,
    Limits,
    ListenerConfig,
    LogConfig,
    PoolConfig,
    StickTableConfig,
    Timeouts,
)

__all__ = [
    "Address",
    "AdminConfig",
    "BackendConfig",
    "Config",
    "HealthConfig",
    "Limits",
    "ListenerConfig",
    "LogConfig",
    "PoolConfig",
    "StickTableConfig",
    "Timeouts",
]
