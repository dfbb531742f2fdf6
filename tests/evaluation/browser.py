"""A headless Chromium, driven through chromedriver by the standard library alone."""

import base64
import json
import re
import shutil
import subprocess
import tempfile
import threading
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking", "--disable-sync"),
    *("--disable-component-update", "--disable-dev-shm-usage"),
)
SECONDS = 60  # for any answer


def missing_program():
    """Why there is no browser, or None."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: chromium, chromium-driver)"
    return None


class Browser:
    """One page of a headless Chromium; a context manager.

    The commands are those of the W3C's WebDriver protocol, and chromedriver's own for
    the console's log and for the size of the screen.
    """

    def __enter__(self):
        self._open = build_opener(ProxyHandler({})).open  # 127.0.0.1 needs no proxy
        self._folder = tempfile.mkdtemp()
        self._session = None
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self._address = f"http://127.0.0.1:{self._port()}"
            self._session = self._new_session()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            if self._session is not None:
                self._send("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(SECONDS)
            self._driver.stdout.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def show(self, address, width, height=900):
        """Load a page on a screen of this many CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self.command("Emulation.setDeviceMetricsOverride", mobile=False, **size)
        self._send("POST", "/url", {"url": address})

    def command(self, name, **parameters):
        """A command of Chromium's own protocol, by name."""
        content = {"cmd": name, "params": parameters}
        return self._send("POST", "/goog/cdp/execute", content)

    def value(self, script, *arguments):
        """What a JavaScript function body returns."""
        content = {"script": script, "args": list(arguments)}
        return self._send("POST", "/execute/sync", content)

    def console(self):
        """Messages of the console since the last call, of any level."""
        return self._send("POST", "/se/log", {"type": "browser"})

    def picture(self, path):
        """Save the whole page as PNG."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        answer = self.command(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "scale": 1, **{k: size[k] for k in _SIZE}},
        )
        path.write_bytes(base64.b64decode(answer["data"]))

    def _port(self):
        """Where chromedriver listens: it says so once, then is read no more."""
        killer = threading.Timer(SECONDS, self._driver.kill)
        killer.start()
        try:
            for line in self._driver.stdout:
                if found := re.search(r"started successfully on port (\d+)", line):
                    return int(found[1])
        finally:
            killer.cancel()
        raise RuntimeError("chromedriver ended, or said no port")

    def _new_session(self):
        options = {"args": [*FLAGS, f"--user-data-dir={self._folder}"]}
        options["binary"] = shutil.which("chromium")
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        content = {"capabilities": {"alwaysMatch": wanted}}
        return self._request("POST", "/session", content)["sessionId"]

    def _send(self, method, path, content=None):
        return self._request(method, f"/session/{self._session}{path}", content)

    def _request(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = Request(f"{self._address}{path}", data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with self._open(request, timeout=SECONDS) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise RuntimeError(error.read().decode()) from None


_SIZE = ("width", "height")
