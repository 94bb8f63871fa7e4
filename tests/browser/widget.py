"""The widget on a page of its own, which talks to its Python without a notebook between them."""

from __future__ import annotations

import time

from selenium.webdriver import ActionChains, Keys

from tests.browser.page import open_page

# What AnyWidget gives to render(), as far as the page uses it; what it sends is kept until Python fetches it.
START = """
const [esm, css, state, done] = arguments
const listeners = {}
window.sent = []
window.model = {
    get: name => structuredClone(state[name]),
    set(name, value) {
        if (state[name] === value) return
        this.changed = {...this.changed, [name]: state[name] = value}
        fire(`change:${name}`)
    },
    save_changes() { if (this.changed) sent.push({set: this.changed}); this.changed = undefined },
    send(content) { sent.push({send: content}) },
    on(event, listener) { (listeners[event] ??= []).push(listener) },
    off(event, listener) { listeners[event] = listeners[event].filter(other => other !== listener) },
}
const fire = (event, ...told) => { for (const listener of listeners[event] ?? []) listener(...told) }
window.listening = () => Object.values(listeners).flat().length
window.receive = (changes, messages) => {
    const changed = Object.keys(changes).filter(name => JSON.stringify(state[name]) !== JSON.stringify(changes[name]))
    Object.assign(state, changes)
    for (const name of changed) fire(`change:${name}`)
    for (const message of messages) fire("msg:custom", message)
}
window.addEventListener("error", event => console.error(event.message))
document.querySelector("style").textContent = css
import(URL.createObjectURL(new Blob([esm], {type: "text/javascript"}))).then(module => {
    window.cleanup = module.default.render({model, el: document.querySelector("main")})
    done("")
}, error => done(String(error)))
"""


class Page:
    """A widget on a page of its own, and what a reader does to it."""

    def __init__(self, browser, widget, *, dark=False, still=False, theme="", width="auto"):
        self.browser, self.widget, self.messages = browser, widget, []
        widget.send = lambda content, buffers=None: self.messages.append(content)
        themed = f' data-jp-theme-light="{"true" if theme == "light" else "false"}"' * bool(theme)
        main = f'<style></style><main{themed} style="width: {width}"></main>'
        open_page(browser, main, dark=dark, still=still)
        failure = browser.execute_async_script(START, str(widget._esm), str(widget._css), self.state())
        assert not failure

    def state(self):
        return {name: getattr(self.widget, name) for name in ("picture", "frame", "mode", "quiz", "nudged", "told")}

    def talk(self):
        """Bring what the page sent to Python, and back what came of it."""
        for message in self.browser.execute_script("return sent.splice(0)"):
            if "set" in message:
                self.widget.set_state(message["set"])
            else:
                self.widget.on_message(self.widget, message["send"], [])
        messages, self.messages = self.messages, []
        self.browser.execute_script("receive(...arguments)", self.state(), messages)

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def button(self, text):
        found = self.browser.find_elements("css selector", ".am-widget button")
        return next(button for button in found if button.text == text)

    def click(self, text):
        self.button(text).click()
        self.talk()

    def press(self, *keys):
        self.browser.switch_to.active_element.send_keys(*keys)
        self.talk()

    def card(self, name):
        card = next(id for id, card in self.widget.picture["cards"].items() if card["name"] == name)
        return self.find(f'g.card[id$="-{card}"]')

    def focus(self, element):
        self.browser.execute_script("arguments[0].focus()", element)

    def click_card(self, name):
        ActionChains(self.browser).click(self.card(name)).perform()
        self.talk()

    def answer(self, text):
        field = self.find("form input")
        field.clear()
        field.send_keys(text, Keys.ENTER)
        self.talk()

    @property
    def words(self):
        return self.find(".am-words").text

    @property
    def panel(self):
        return self.find("section:not([hidden])").text

    @property
    def shown(self):
        """The frame that the picture shows."""
        return int(self.browser.execute_script("return document.querySelector('svg').style.getPropertyValue('--am-k')"))

    def opacity(self, selector):
        time.sleep(0.4)
        script = "return [...document.querySelectorAll(arguments[0])].map(x => +getComputedStyle(x).opacity)"
        return self.browser.execute_script(script, selector)
