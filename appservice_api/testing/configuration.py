"""The configuration of a throw-away Synapse, written as JSON, which is valid YAML."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# Large numbers mean no limit; zero would mean never.
_OFF = {"per_second": 100000, "burst_count": 100000}
_NO_LIMITS: dict[str, Any] = {
    "rc_message": _OFF,
    "rc_registration": _OFF,
    "rc_registration_token_validity": _OFF,
    "rc_login": {"address": _OFF, "account": _OFF, "failed_attempts": _OFF},
    "rc_admin_redaction": _OFF,
    "rc_joins": {"local": _OFF, "remote": _OFF},
    "rc_joins_per_room": _OFF,
    "rc_key_requests": _OFF,
    "rc_3pid_validation": _OFF,
    "rc_invites": {"per_room": _OFF, "per_user": _OFF, "per_issuer": _OFF},
    "rc_third_party_invite": _OFF,
    "rc_media_create": _OFF,
    "rc_presence": {"per_user": _OFF},
    "rc_delayed_event_mgmt": _OFF,
    "rc_room_creation": _OFF,
    "rc_reports": _OFF,
    "rc_user_directory": _OFF,
    "rc_profile": _OFF,
}
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"f": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "h": {"class": "logging.StreamHandler", "stream": "ext://sys.stderr", "formatter": "f"}
    },
    # Without this, it logs three errors for each registration after the first.
    "loggers": {"synapse.util.metrics": {"level": "CRITICAL"}},
    "root": {"level": "WARNING", "handlers": ["h"]},
}
MARK = "appservice_api.testing"


class Configuration:
    """The files of one Synapse.

    Args:
        home: The folder they are in.
        server_name: The homeserver's name.
        room_version: The version of new rooms.
        rate_limits: Whether Synapse's default rate limits apply.
        registrations: The application services' registrations.
    """

    def __init__(
        self,
        home: Path,
        server_name: str,
        room_version: str,
        rate_limits: bool,
        registrations: Sequence[Mapping[str, Any]],
    ) -> None:
        self.home = home
        self.server_name = server_name
        self.room_version = room_version
        self.rate_limits = rate_limits
        self.registrations = registrations
        self.shared_secret = secrets.token_urlsafe(32)
        # Served under .well-known: it tells this Synapse from another one on the same port.
        self.mark = secrets.token_urlsafe(16)
        self._macaroon_secret = secrets.token_urlsafe(32)
        self._form_secret = secrets.token_urlsafe(32)

    @property
    def path(self) -> Path:
        """The main configuration file."""
        return self.home / "homeserver.yaml"

    def write(self, port: int) -> None:
        """Write all files.

        Args:
            port: The loopback port to listen on.

        Raises:
            OSError: The folder can't be written.
        """
        names = []
        for number, registration in enumerate(self.registrations):
            file = self.home / f"registration-{number}.yaml"
            _write(file, dict(registration))
            names.append(str(file))
        _write(self.home / "log.yaml", _LOGGING)
        _write(self.path, self._content(port, names))

    def _content(self, port: int, registration_files: list[str]) -> dict[str, Any]:
        home = self.home
        return {
            "server_name": self.server_name,
            "public_baseurl": f"http://127.0.0.1:{port}/",
            "serve_server_wellknown": False,
            "extra_well_known_client_content": {MARK: self.mark},
            "report_stats": False,
            "listeners": [
                {
                    "port": port,
                    "type": "http",
                    "bind_addresses": ["127.0.0.1"],
                    "resources": [{"names": ["client"]}],
                }
            ],
            "database": {"name": "sqlite3", "args": {"database": str(home / "homeserver.db")}},
            "log_config": str(home / "log.yaml"),
            "media_store_path": str(home / "media"),
            "signing_key_path": str(home / "signing.key"),
            "registration_shared_secret": self.shared_secret,
            "macaroon_secret_key": self._macaroon_secret,
            "form_secret": self._form_secret,
            "enable_registration": False,
            "bcrypt_rounds": 4,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "federation_domain_whitelist": [],
            "presence": {"enabled": False},
            "url_preview_enabled": False,
            "max_upload_size": "10M",
            "default_room_version": self.room_version,
            "app_service_config_files": registration_files,
            "experimental_features": {
                "msc2409_to_device_messages_enabled": True,
                "msc3202_transaction_extensions": True,
            },
            **({} if self.rate_limits else _NO_LIMITS),
        }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)  # these files hold tokens
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
