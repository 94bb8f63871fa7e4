"""A real JupyterLab on this machine alone, with notebooks and their outputs open in the browser of the tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

import autograd_mini
from tests.browser.page import fresh_tab

CHECKOUT = Path(autograd_mini.__file__).parents[1]
KERNEL = "checkout"
PATIENCE = 60  # seconds

# No question and no news at the start, and every cell in the page, whether it is on the screen or not.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},
}

IS_OPEN = """
const panel = window.jupyterapp?.shell.currentWidget
return Boolean(panel?.context?.isReady && panel.isRevealed)
"""
IS_SHOWN = """
const cells = jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.outputArea)
const shown = cells.map(cell => [...cell.node.querySelectorAll(".jp-OutputArea-output")])
return cells.every((cell, i) => !cell.isPlaceholder() && shown[i].length >= cell.outputArea.model.length)
    && shown.flat().every(output => output.localName === "iframe" || output.hasChildNodes())
    && [...document.images].every(image => image.complete)
"""
RUN_ALL = """
window.hasRun = false
jupyterapp.shell.currentWidget.context.sessionContext.ready
    .then(() => jupyterapp.commands.execute("notebook:run-all-cells"))
    .finally(() => window.hasRun = true)
"""
HAS_RUN = "return hasRun"  # every cell, or those up to one that failed
COUNTS = """
const cells = jupyterapp.shell.currentWidget.content.widgets.filter(cell => cell.model.type === "code")
return cells.map(cell => cell.model.executionCount)
"""
SHUT_DOWN = "return window.jupyterapp?.serviceManager.sessions.shutdownAll()"


class JupyterLab:
    """A server with its own folder and settings, and a kernel that is this Python with this checkout."""

    def __init__(self, browser: WebDriver, folder: Path, url: str) -> None:
        self.browser = browser
        self.folder = folder
        self.url = url
        self.opened = 0

    def notebook(self, *sources: str, outputs: dict[str, str] | None = None) -> nbformat.NotebookNode:
        """A notebook with a code cell for each source, not run yet, or each with a MIME bundle as if it were."""
        shown = [nbformat.v4.new_output("display_data", data=outputs)] if outputs else []
        cells = [nbformat.v4.new_code_cell(source, outputs=shown) for source in sources]
        kernel = {"name": KERNEL, "display_name": KERNEL, "language": "python"}
        return nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})

    def run(self, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """Run the cells elsewhere, as whoever sends a notebook has: it gets outputs, and here nobody trusts it yet."""
        specs = KernelSpecManager(kernel_dirs=[str(self.folder / "data" / "kernels")])
        manager = AsyncKernelManager(kernel_name=KERNEL, kernel_spec_manager=specs)
        return NotebookClient(notebook, km=manager, timeout=PATIENCE).execute()

    def open(
        self, notebook: nbformat.NotebookNode, *, trusted: bool = True, theme: str = "light", dark: bool = False
    ) -> None:
        """Open the notebook with the outputs that it has; `theme` is JupyterLab's, `dark` the mode of the system."""
        self.browser.execute_script(SHUT_DOWN)
        self.opened += 1
        path = self.folder / "notebooks" / f"{self.opened}.ipynb"
        nbformat.write(notebook, path)
        notary = NotebookNotary(data_dir=str(self.folder / "data"))
        # A signature is one of the content: without unsign, a copy of a trusted notebook is trusted.
        (notary.sign if trusted else notary.unsign)(nbformat.read(path, as_version=4))
        write_settings(self.folder, {"apputils-extension/themes": {"theme": f"JupyterLab {theme.title()}"}})
        fresh_tab(self.browser, dark=dark)
        self.browser.get(f"{self.url}/lab/tree/{path.name}?reset")
        self.wait(IS_OPEN)
        self.wait(IS_SHOWN)

    def run_all(self, patience: float = PATIENCE) -> None:
        """Run all cells of the open notebook in its page, or those up to one that fails, in so many seconds at most."""
        self.browser.execute_script(RUN_ALL)
        self.wait(HAS_RUN, patience)
        self.wait(IS_SHOWN)

    def counts(self) -> list[int | None]:
        """The number before each cell with code in the open notebook: its place in the order of runs; None before."""
        return list(self.browser.execute_script(COUNTS))

    def outputs(self) -> list[WebElement]:
        """The outputs in the open notebook, in order."""
        return self.browser.find_elements("css selector", ".jp-OutputArea-output")

    def wait(self, script: str, patience: float = PATIENCE) -> None:
        WebDriverWait(self.browser, patience).until(lambda browser: browser.execute_script(script), script)


@contextmanager
def serving(browser: WebDriver, folder: Path) -> Iterator[JupyterLab]:
    """Run a JupyterLab in a folder of its own, with no settings but its own and without a password on this machine."""
    for name in ("notebooks", "home"):
        (folder / name).mkdir()
    shutil.copytree(CHECKOUT / "notebooks" / "data", folder / "notebooks" / "data")  # what the notebooks read
    write_settings(folder, SETTINGS)
    write_kernel(folder)
    port = free_port()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command(folder, port), env=environment(folder), stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/api", server, folder / "log")
        yield JupyterLab(browser, folder, f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(PATIENCE)


def command(folder: Path, port: int) -> list[str]:
    """The command that starts the server."""
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder / "notebooks",
        "IdentityProvider.token": "",
        "LabApp.expose_app_in_browser": True,
        "LabApp.extension_manager": "readonly",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", *flags]


def environment(folder: Path) -> dict[str, str]:
    """The environment of a server that finds this Python's programs first and this folder's settings alone."""
    folders = {
        "HOME": "home",
        "IPYTHONDIR": "home",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    }
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {name: str(folder / path) for name, path in folders.items()} | {"PATH": programs}


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers; raise, with what it wrote, if it ends or takes too long."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            with urlopen(url, timeout=PATIENCE):
                return
        except URLError:
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab does not start:\n{log.read_text(encoding='utf-8')}")


def write_kernel(folder: Path) -> None:
    """Write the kernel that runs this Python and imports this checkout."""
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": KERNEL,
        "language": "python",
        "env": {"PYTHONPATH": str(CHECKOUT)},
    }
    write_json(folder / "data" / "kernels" / KERNEL / "kernel.json", kernel)


def write_settings(folder: Path, settings: dict[str, dict[str, object]]) -> None:
    """Write settings as if a user had made them."""
    for plugin, values in settings.items():
        write_json(folder / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings", values)


def write_json(path: Path, data: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")
