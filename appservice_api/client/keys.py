"""The public keys of devices and users, as homeservers store them. Nothing here encrypts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import BasicOptions, CallOptions
from ..compat import Unpack
from ..errors import MatrixRequestError
from ..events.content import content_of
from ..ids import DeviceID, UserID
from .base import ClientMethods

__all__ = ["KeyMethods"]

_KEYS = "/_matrix/client/v3/keys"
UPLOAD_KEYS = Endpoint("POST", _KEYS + "/upload", Needs.REGISTERED)
QUERY_KEYS = Endpoint("POST", _KEYS + "/query", Needs.REGISTERED)
CLAIM_KEYS = Endpoint("POST", _KEYS + "/claim", Needs.REGISTERED)
KEYS_CHANGES = Endpoint("GET", _KEYS + "/changes", Needs.REGISTERED)
UPLOAD_CROSS_SIGNING = Endpoint("POST", _KEYS + "/device_signing/upload", Needs.REGISTERED)
UPLOAD_SIGNATURES = Endpoint("POST", _KEYS + "/signatures/upload", Needs.REGISTERED)

_USAGES = ("master", "self_signing", "user_signing")


class KeyMethods(ClientMethods):
    """Uploading and reading keys for end-to-end encryption."""

    __slots__ = ()

    @UPLOAD_KEYS
    def upload_keys(
        self,
        one_time_keys: Mapping[str, Any] | None = None,
        device_keys: Mapping[str, Any] | None = None,
        fallback_keys: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> dict[str, int]:
        """Upload keys of the acting device: a ghost needs one, as in
        ``api.intent(user, device_id="BRIDGE")``.

        The request isn't repeated if the homeserver may have received it: a one-time key that was
        claimed meanwhile would be given out again.

        Args:
            one_time_keys: The one-time keys by ``<algorithm>:<key_id>``; None for no new ones.
            device_keys: The identity keys, None for no new ones.
            fallback_keys: The keys to give out when the one-time keys are used up, by
                ``<algorithm>:<key_id>``; None for no new ones.
            options: See :class:`CallOptions`.

        Returns:
            How many one-time keys the homeserver has now, by algorithm. Without arguments,
            nothing is uploaded.

        Raises:
            ValueError: An argument isn't a dict.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /keys/upload``.
        """
        given = {
            "device_keys": device_keys,
            "fallback_keys": fallback_keys,
            "one_time_keys": one_time_keys,
        }
        content = {name: content_of(keys, name) for name, keys in given.items() if keys is not None}
        try:
            answer = self._call(UPLOAD_KEYS, (), content, options)
        except MatrixRequestError as refused:
            if refused.http_status == 400 and self.api._asserts and self.api.device_id is None:
                refused.context = "no device was acting: see the device_id of intent()"
            raise
        return dict(self._field(UPLOAD_KEYS, answer, "one_time_key_counts", dict))

    @QUERY_KEYS
    def query_keys(
        self,
        device_keys: Iterable[str] | Mapping[Any, Iterable[str]],
        token: str = "",
        timeout: int = 10000,
        **options: Unpack[BasicOptions],
    ) -> answers.QueryKeysResponse:
        """Read the public keys of devices and users.

        Args:
            device_keys: The users, or a dict with lists of their devices; empty for all devices.
            token: A token of ``/sync``, for old homeservers; new ones ignore it.
            timeout: How many milliseconds the homeserver waits for other homeservers.
            options: See :class:`BasicOptions`.

        Returns:
            The keys. ``failures`` has the other homeservers that couldn't be reached.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /keys/query``.
        """
        if isinstance(device_keys, str):
            raise ValueError(f"device_keys must be a list or a dict, not {device_keys!r}")
        if not isinstance(device_keys, Mapping):
            device_keys = dict.fromkeys(device_keys, ())
        asked = {UserID(user): _devices(user, found) for user, found in device_keys.items()}
        content: dict[str, Any] = {"device_keys": asked, "timeout": timeout}
        if token:
            content["token"] = token
        wait = self._waiting(_milliseconds(timeout))
        answer = self._call(QUERY_KEYS, (), content, options, timeout=wait)
        return answers.QueryKeysResponse.read(answer)

    @CLAIM_KEYS
    def claim_keys(
        self,
        one_time_keys: Mapping[Any, Mapping[Any, str]],
        timeout: int = 10000,
        **options: Unpack[BasicOptions],
    ) -> answers.ClaimKeysResponse:
        """Claim one-time keys of other devices, each of which is given out only once. The request
        isn't repeated if the homeserver may have received it.

        Args:
            one_time_keys: The algorithm of the key by user and device, usually
                ``signed_curve25519``.
            timeout: How many milliseconds the homeserver waits for other homeservers.
            options: See :class:`BasicOptions`.

        Returns:
            The keys. ``failures`` has the other homeservers that couldn't be reached.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /keys/claim``.
        """
        wanted = {
            UserID(user): {DeviceID(device): algorithm for device, algorithm in found.items()}
            for user, found in _by_user(one_time_keys, "one_time_keys").items()
        }
        content = {"one_time_keys": wanted, "timeout": timeout}
        wait = self._waiting(_milliseconds(timeout))
        answer = self._call(CLAIM_KEYS, (), content, options, timeout=wait)
        self._field(CLAIM_KEYS, answer, "one_time_keys", dict)
        return answers.ClaimKeysResponse.read(answer)

    @KEYS_CHANGES
    def get_keys_changes(
        self, from_token: str, to_token: str, **options: Unpack[CallOptions]
    ) -> answers.KeysChanges:
        """Get the users whose keys have changed between two syncs.

        Args:
            from_token: The ``next_batch`` of the earlier ``/sync``.
            to_token: The ``next_batch`` of the later one.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /keys/changes``.
        """
        query = {"from": from_token, "to": to_token}
        for name, token in query.items():
            if not isinstance(token, str) or not token:
                raise ValueError(f"{name}_token must be a token of /sync, not {token!r}")
        answer = self._call(KEYS_CHANGES, options=options, query_params=query)
        return answers.KeysChanges.read(answer)

    @UPLOAD_CROSS_SIGNING
    def upload_cross_signing_keys(
        self,
        keys: Mapping[Any, Mapping[str, Any]],
        auth: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Upload the cross-signing keys of the user.

        Args:
            keys: The keys by usage: ``master``, ``self_signing``, ``user_signing``.
            auth: The data for interactive authentication. Ghosts don't need it, and real users
                only to replace keys.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: A key has another usage.
            MInvalidSignature: A key isn't signed by the master key.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /keys/device_signing/upload``.
        """
        content: dict[str, Any] = {}
        for usage, key in content_of(keys, "keys").items():
            if usage not in _USAGES:
                raise ValueError(f"keys has {usage!r}: there are {', '.join(_USAGES)}")
            content[f"{usage}_key"] = content_of(key, f"the {usage} key")
        if auth is not None:
            content["auth"] = content_of(auth, "auth")
        self._call(UPLOAD_CROSS_SIGNING, (), content, options)

    def upload_one_signature(
        self, user_id: str, device_id: str, keys: Mapping[str, Any], **options: Unpack[CallOptions]
    ) -> None:
        """Upload the signatures of one device, or of one cross-signing key.

        Args:
            user_id: The user of the device or key.
            device_id: The device, or the public key.
            keys: The keys as they were uploaded, with the new ``signatures``.
            options, errors: See :meth:`upload_many_signatures`.
        """
        self.upload_many_signatures({user_id: {device_id: keys}}, **options)

    @UPLOAD_SIGNATURES
    def upload_many_signatures(
        self,
        signatures: Mapping[Any, Mapping[Any, Mapping[str, Any]]],
        **options: Unpack[CallOptions],
    ) -> None:
        """Upload signatures of devices and cross-signing keys.

        Args:
            signatures: The signed keys, by user and by device or public key.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: An argument can't be used.
            MatrixRequestError: The homeserver rejected some signatures, with HTTP status 200. It is
                the error of the first; ``error.body["failures"]`` has all errors by user and by
                device or public key. The other signatures are uploaded.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /keys/signatures/upload``.
        """
        content = {
            UserID(user): {key: content_of(signed, f"the keys {key!r}")
                           for key, signed in found.items()}
            for user, found in _by_user(signatures, "signatures").items()
        }  # fmt: skip
        answer = self._call(UPLOAD_SIGNATURES, (), content, options)
        failures = answer.get("failures") if isinstance(answer, dict) else None
        failed = [
            (user, key, error)
            for user, found in (failures if isinstance(failures, dict) else {}).items()
            for key, error in (found if isinstance(found, dict) else {}).items()
        ]
        if failed:
            self._raise_first(failed, answer, sum(map(len, content.values())))

    def _raise_first(
        self, failed: list[tuple[str, str, Any]], answer: dict[str, Any], count: int
    ) -> None:
        user, key, error = failed[0]
        error = error if isinstance(error, dict) else {}
        errcode = error.get("errcode")
        reason = error.get("error") or error.get("message") or "no reason given"
        raise MatrixRequestError.of(
            errcode if isinstance(errcode, str) else None,
            message=f"{key} of {user}: {reason}",
            http_status=200,
            body=answer,
            method=UPLOAD_SIGNATURES.method,
            path=UPLOAD_SIGNATURES.template,
            user=self.api.acting_user,
            context=f"{len(failed)} of {count} signatures weren't taken",
        )


def _milliseconds(timeout: object) -> int:
    if not isinstance(timeout, int) or timeout < 0:
        raise ValueError(f"timeout must be int milliseconds, not {timeout!r}")
    return timeout


def _devices(user: str, found: Any) -> list[DeviceID]:
    if isinstance(found, str):
        raise ValueError(f"the devices of {user} must be a list, not {found!r}")
    return [DeviceID(device) for device in found]


def _by_user(given: Any, what: str) -> dict[str, dict[str, Any]]:
    """A dict of dicts, by user."""
    return {user: content_of(one, f"{what}[{user!r}]") for user, one in
            content_of(given, what).items()}  # fmt: skip
