"""The configuration: read once from TOML into frozen classes, every fault named with its line."""

from ._address import Address, parse_address, parse_bind
from ._bounds import Limits, Timeouts
from ._duration import format_duration, parse_duration
from ._fallback import fallback_chain
from ._faults import ConfigError, Fault
from ._flags import from_flags
from ._health import HealthConfig
from ._load import load, parse
from ._match import MatchConfig
from ._model import (
    BackendConfig,
    Config,
    Framing,
    ListenerConfig,
    Policy,
    PoolConfig,
    Protocol,
    Standing,
    StickTableConfig,
    Transport,
)
from ._observing import AdminConfig, LogConfig, RecordConfig
from ._pattern import Pattern
from ._process import ProcessConfig
from ._tracing import TracingConfig

__all__ = [
    "Address",
    "AdminConfig",
    "BackendConfig",
    "Config",
    "ConfigError",
    "Fault",
    "Framing",
    "HealthConfig",
    "Limits",
    "ListenerConfig",
    "LogConfig",
    "MatchConfig",
    "Pattern",
    "Policy",
    "PoolConfig",
    "ProcessConfig",
    "Protocol",
    "RecordConfig",
    "Standing",
    "StickTableConfig",
    "Timeouts",
    "TracingConfig",
    "Transport",
    "fallback_chain",
    "format_duration",
    "from_flags",
    "load",
    "parse",
    "parse_address",
    "parse_bind",
    "parse_duration",
]
