"""The page at `/docs`: what the API offers, readable without the internet.

Drawn from the OpenAPI document on the server, so that it needs no script from elsewhere; a shop's
network often lets nothing out. Tools read `/openapi.json`.
"""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0
1rem;color:#1b2420}
h1{margin-bottom:0}h2{margin-top:2.5rem;text-transform:capitalize}a{color:#0b6b4f}
details{border:1px solid #d5ddd8;border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}
summary{cursor:pointer}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:#f3f6f4;padding:.6rem;overflow:auto;border-radius:4px}
.method{display:inline-block;width:4.2rem;font-weight:700;color:#0b6b4f}
td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
@media(prefers-color-scheme:dark){body{background:#141a17;color:#dfe7e2}a,.method{color:#5fd1a9}
details{border-color:#33403a}pre{background:#1d2521}}
"""
_METHODS = ("get", "post", "put", "patch", "delete")


def docs_page(title: str, document: Mapping[str, Any]) -> str:
    """Draw an OpenAPI document as one HTML page."""
    groups: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                group = (operation.get("tags") or ["api"])[0]
                groups.setdefault(group, []).append(_operation(method, path, operation))
    sections = "".join(f"<h2>{escape(name)}</h2>{''.join(drawn)}" for name, drawn in groups.items())
    schemas = document.get("components", {}).get("schemas", {})
    shapes = "".join(
        f'<details id="{escape(name)}"><summary><code>{escape(name)}</code></summary>'
        f"{_json(schema)}</details>"
        for name, schema in sorted(schemas.items())
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>OpenAPI {escape(document['openapi'])}:"
        f' <a href="/openapi.json">/openapi.json</a></p>{sections}<h2>Shapes</h2>{shapes}</html>'
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}</td>"
        f"<td>{'required' if each.get('required') else ''}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    body = "".join(
        f"<p>Body, <code>{escape(media)}</code>:</p>{_json(content.get('schema', {}))}"
        for media, content in operation.get("requestBody", {}).get("content", {}).items()
    )
    answers = "".join(
        f"<p>{escape(status)}: {escape(answer['description'])}</p>"
        + "".join(
            _json(content.get("schema", {})) for content in answer.get("content", {}).values()
        )
        for status, answer in operation["responses"].items()
    )
    return (
        f'<details><summary><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation.get('summary', ''))}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"<table>{parameters}</table>{body}{answers}</details>"
    )


def _json(schema: Mapping[str, Any]) -> str:
    """A schema as text."""
    text = escape(json.dumps(schema, indent=2, ensure_ascii=False), quote=False)
    return f"<pre>{text}</pre>"
