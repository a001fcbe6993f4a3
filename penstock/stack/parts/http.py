"""Readiness of the parts that speak HTTP."""

from __future__ import annotations

from typing import Any

import requests

from penstock.http_client import direct_session


def get_json(url: str) -> Any | None:
    """Return the JSON that a URL answers with status 200, or None while it does not."""
    try:
        with direct_session(url) as session:
            answer = session.get(url, timeout=3)
        return answer.json() if answer.status_code == requests.codes.ok else None
    except (requests.RequestException, ValueError):
        return None


def answers(url: str) -> bool:
    """Tell whether a URL answers JSON with status 200."""
    return get_json(url) is not None
