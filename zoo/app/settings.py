"""Streamlit's settings: this machine only, nothing sent, the colours of the report."""

from typing import Any

HOST = "127.0.0.1"
MAX_UPLOAD_MB = 20

_FONT = 'Charter, "Bitstream Charter", Cambria, Georgia, "Liberation Serif", serif'

# The colours of zoo/report/page.css.
_LIGHT = {
    "primaryColor": "#0b5c8a",
    "backgroundColor": "#fdfdfb",
    "secondaryBackgroundColor": "#f5f5f1",
    "textColor": "#1b1f24",
    "linkColor": "#0b5c8a",
    "borderColor": "#d5d9de",
}
_DARK = {
    "primaryColor": "#7cc0ea",
    "backgroundColor": "#14171a",
    "secondaryBackgroundColor": "#1d2125",
    "textColor": "#e6e8ea",
    "linkColor": "#7cc0ea",
    "borderColor": "#363c43",
}

SETTINGS: dict[str, Any] = {
    "server.address": HOST,
    "server.headless": True,  # else it asks for an e-mail address; the browser is ours to open
    "server.showEmailPrompt": False,
    "server.enableCORS": True,
    "server.enableXsrfProtection": True,
    "server.xsrfCookieSameSite": "strict",
    "server.allowedHosts": ("127.0.0.1", "localhost"),  # no other name may be led to this address
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "server.maxUploadSize": MAX_UPLOAD_MB,
    "browser.serverAddress": HOST,
    "browser.gatherUsageStats": False,
    "client.allowedOrigins": (f"http://{HOST}",),
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",  # of no type, unlike the others
    "client.toolbarMode": "minimal",
    "global.developmentMode": False,
    "logger.level": "warning",
    "runner.magicEnabled": False,
    "theme.font": _FONT,
    "theme.headingFont": _FONT,
    **{f"theme.light.{name}": colour for name, colour in _LIGHT.items()},
    **{f"theme.dark.{name}": colour for name, colour in _DARK.items()},
}


def flags(port: int) -> list[str]:
    """The settings as Streamlit's command takes them."""
    values = {**SETTINGS, "server.port": port}.items()
    lists = {name: value if isinstance(value, tuple) else (value,) for name, value in values}
    return [f"--{name}={value}" for name, all_of_it in lists.items() for value in all_of_it]
