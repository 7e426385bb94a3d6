"""page: the admin port's page in a real browser, driven by the browser's own debugging protocol.

    page.py CHROMIUM URL KEY [SCREENSHOT]

Says on standard output what it sees: `all up`, then, when the test has killed one of four shards, `shard3 is down`,
then, when it is back, `all well`. Ends with 1, and says why, at the first thing that is wrong.
"""

import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.request

import websocket

PATIENCE_S = 50


class Browser:
    """One page of one browser that ends with this object."""

    def __init__(self, chromium):
        self.profile = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={self.profile.name}",
             "about:blank"],
            stderr=subprocess.PIPE, text=True)
        port = None
        for line in self.process.stderr:
            if "DevTools listening on" in line:
                port = line.split("127.0.0.1:")[1].split("/")[0]
                break
        assert port, "the browser did not start"
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=PATIENCE_S))
        page = next(page for page in pages if page["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=PATIENCE_S)
        self.call_count = 0
        self.messages = []
        for domain in ["Runtime", "Log", "Page", "Network"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.call_count += 1
        self.socket.send(json.dumps({"id": self.call_count, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == self.call_count:
                assert "error" not in message, message
                return message["result"]
            self.messages.append(message)

    def js(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, what, expression):
        deadline = time.monotonic() + PATIENCE_S
        while not self.js(expression):
            assert time.monotonic() < deadline, f"not seen: {what}; the page says:\n{self.js('document.body.innerText')}"
            time.sleep(0.05)

    def look(self, width, height, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key, **more):
        for kind in ["keyDown", "keyUp"]:
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, **more)

    def complaints(self):
        """Errors and warnings of the console, of the network, and whatever was asked of another host."""
        found = []
        for message in self.messages:
            parameters = message.get("params", {})
            if message["method"] == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"])
            elif message["method"] == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                found.append(parameters)
            elif message["method"] == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                found.append(parameters["entry"])
            elif message["method"] == "Network.requestWillBeSent":
                url = parameters["request"]["url"]
                if not url.startswith((self.origin, "data:")):
                    found.append(f"asked for {url}")
        return found

    def open(self, url):
        self.origin = url
        self.call("Page.navigate", url=url)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()


PILL = "[...document.querySelectorAll('#pools .pill')].map((pill) => pill.textContent)"


def check_width(browser):
    for width, height, scheme in [(390, 844, "dark"), (1280, 900, "dark"), (1280, 900, "light")]:
        browser.look(width, height, scheme)
        browser.wait("a view", "document.body.dataset.views > 1")
        widest = browser.js("document.documentElement.scrollWidth")
        assert widest <= width, f"{widest} pixels wide on a screen of {width}"


def check_route(browser, key):
    """By keyboard alone: the field, the key, Enter."""
    browser.js("document.getElementById('route-key').focus()")
    browser.call("Input.insertText", text=key)
    browser.press("Enter", windowsVirtualKeyCode=13, text="\r")
    browser.wait("an answer", "document.getElementById('route-answer').textContent.includes('lives on shard0')")


def check_keyboard(browser):
    """The skip link comes first, every section is reached, and focus is visible."""
    browser.js("document.activeElement.blur()")
    seen = []
    for _ in range(25):
        browser.press("Tab", windowsVirtualKeyCode=9)
        seen.append(browser.js("(document.activeElement.getAttribute('href') || document.activeElement.id)"))
    for wanted in ["#main", "#pools", "#slow", "route-key"]:
        assert wanted in seen, f"{wanted} is not reached by Tab: {seen}"


def main(chromium, url, key, screenshot=None):
    browser = Browser(chromium)
    try:
        browser.look(1280, 900, "light")
        browser.open(url)
        browser.wait("four shards", f"{PILL}.includes('4 shards up')")
        browser.wait("traffic", "document.querySelectorAll('#command-table tbody tr').length > 0")
        check_width(browser)
        check_route(browser, key)
        check_keyboard(browser)
        print("all up", flush=True)
        browser.wait("a shard that is down", f"{PILL}.includes('1 of 4 down') && {PILL}.includes('down')")
        down = browser.js("[...document.querySelectorAll('#pools tbody tr')]"
                          ".find((row) => row.textContent.includes('down')).textContent")
        assert "shard3" in down, down
        browser.wait("the event", "document.getElementById('event-list').textContent.includes('down:')")
        if screenshot:
            browser.screenshot(screenshot)
        print("shard3 is down", flush=True)
        browser.wait("four shards again", f"{PILL}.includes('4 shards up')")
        assert not browser.complaints(), browser.complaints()
        print("all well", flush=True)
    finally:
        browser.close()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AssertionError as error:
        sys.exit(f"page: {error}")
