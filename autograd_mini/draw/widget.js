// The page's half of the stepper widget: it shows what Python says, and tells Python what was clicked and typed.

const PACE = 1200 // ms a frame
const PATIENCE = 2500 // ms until the page says that no kernel answers
const SILENT = "Python does not answer: this needs a running kernel."
let count = 0 // of views, for ids of their own

// An element with properties and children; text is text, never markup.
function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag)
    for (const [name, value] of Object.entries(properties)) {
        if (name in element) element[name] = value
        else element.setAttribute(name, value)
    }
    element.append(...children)
    return element
}

// A button that does something.
const button = (text, label, onclick) => make("button", {type: "button", textContent: text, title: label, onclick})

// Mark a button as one that does nothing now; it stays in the order of the keyboard, and keeps the focus.
const enable = (element, on) => element.setAttribute("aria-disabled", String(!on))

// The parts of the widget that are always there.
function build(id) {
    const parts = {
        first: button("first", "to the start (Home)"),
        back: button("back", "one step back (left arrow)"),
        play: button("play", "play the steps one after another"),
        next: button("next", "one step on (right arrow)"),
        last: button("last", "to the end (End)"),
        range: make("input", {type: "range", min: 0, step: 1, "aria-label": "step"}),
        count: make("span", {className: "am-count"}),
        predict: button("predict", "predict each contribution before it is shown"),
        nudge: button("nudge", "move a value a little and see what the gradient foretells"),
        again: button("", ""),
        folds: make("span", {className: "am-bar"}),
        told: make("p", {className: "am-told", role: "status"}),
        words: make("div", {className: "am-words", "aria-live": "polite"}),
        stage: make("div", {className: "am-stage"}),
        ...quizParts(id),
        ...nudgeParts(id),
    }
    const {first, back, play, next, last, range, count, predict, nudge, again, folds} = parts
    parts.root = make(
        "div",
        // Without the attribute, JupyterLab takes the keys that are pressed in here for its own.
        {className: "am-widget am", tabIndex: 0, role: "group", "aria-label": "backpropagation step by step",
            "data-lm-suppress-shortcuts": "true"},
        make("div", {className: "am-bar"}, first, back, play, next, last, range, count),
        make("div", {className: "am-bar"}, predict, nudge, again, folds),
        parts.told, parts.quiz, parts.moving, parts.words, parts.stage,
    )
    return parts
}

// The panel of questions.
function quizParts(id) {
    const question = make("label", {htmlFor: `${id}-answer`})
    const answer = make("input", {type: "text", id: `${id}-answer`, autocomplete: "off", inputMode: "text"})
    const check = make("button", {type: "submit", textContent: "check"})
    const reveal = button("show it", "show the contribution without an answer")
    const form = make("form", {}, question, answer, check, reveal)
    const said = make("p", {role: "status"}), score = make("p"), why = make("p", {className: "am-note"})
    const quiz = make("section", {className: "am-panel", "aria-label": "predict"}, said, form, score, why)
    return {quiz, form, question, answer, check, reveal, said, score, why}
}

// The panel of nudges.
function nudgeParts(id) {
    const value = make("select", {id: `${id}-value`})
    const epsilon = make("input", {type: "range", id: `${id}-epsilon`, min: 0, step: 1})
    const size = make("span", {className: "am-count"})
    const choice = make(
        "div", {className: "am-bar"},
        make("label", {htmlFor: value.id, textContent: "value (or click a card)"}), value,
        make("label", {htmlFor: epsilon.id, textContent: "ε"}), epsilon, size,
    )
    const about = make("p"), rows = make("div", {className: "am-rows"}), note = make("p", {className: "am-note"})
    const result = make("div", {"aria-live": "polite"}, about, rows, note)
    const moving = make("section", {className: "am-panel", "aria-label": "nudge"}, choice, result)
    return {moving, choice, value, epsilon, size, about, rows, note}
}

// Where a card's group in the SVG has its id after a prefix: g1234abcd-n3.
const cardId = group => group.id.slice(group.id.indexOf("-") + 1)

// One view of the widget.
class View {
    constructor(model) {
        this.model = model
        this.parts = build(`am-widget-${(count += 1)}`)
        this.playing = this.waiting = this.later = null
        this.listeners = {
            "change:picture": () => this.draw(),
            "change:frame": () => this.show(),
            "change:mode": () => { this.draw(); this.switchMode() },
            "change:quiz": () => this.ask(),
            "change:nudged": () => this.foretell(),
            "change:told": () => this.tell(this.model.get("told")),
            "msg:custom": () => this.answered(),
        }
        for (const [event, listener] of Object.entries(this.listeners)) model.on(event, listener)
        this.listen()
        this.draw()
        this.switchMode()
        this.ask()
        this.foretell()
        this.tell(model.get("told"))
    }

    // Let go of everything outside the view.
    remove() {
        this.pause()
        clearTimeout(this.waiting)
        for (const [event, listener] of Object.entries(this.listeners)) this.model.off(event, listener)
    }

    get frame() { return Math.min(this.model.get("frame"), this.last) }
    get last() { return this.model.get("picture").words.length - 1 }
    get cards() { return this.model.get("picture").cards }

    // What the reader does.

    listen() {
        const {root, first, back, play, next, last, range, predict, nudge, again, form, answer, reveal} = this.parts
        first.onclick = () => this.go(0)
        back.onclick = () => this.go(this.frame - 1)
        next.onclick = () => this.go(this.frame + 1)
        last.onclick = () => this.go(this.last)
        play.onclick = () => (this.playing ? this.pause() : this.play())
        range.oninput = () => this.go(range.valueAsNumber)
        predict.onclick = () => this.toggle("predict")
        nudge.onclick = () => this.toggle("nudge")
        again.onclick = () => this.send({do: "again"})
        reveal.onclick = () => this.send({do: "reveal"})
        form.onsubmit = event => {
            event.preventDefault()
            if (answer.value.trim()) this.send({do: "answer", text: answer.value})
        }
        this.parts.value.onchange = this.parts.epsilon.oninput = () => this.move(this.parts.value.value)
        root.addEventListener("keydown", event => this.press(event))
        this.parts.stage.addEventListener("click", event => this.choose(event.target))
    }

    // Keys step, except where they belong to a field.
    press(event) {
        event.stopPropagation()
        const {key, target} = event
        if (target.matches("input, select") || event.ctrlKey || event.metaKey || event.altKey) return
        const steps = {ArrowLeft: this.frame - 1, ArrowRight: this.frame + 1, Home: 0, End: this.last}
        const card = target.closest("g.card")
        if (card && (key === "Enter" || key === " ")) this.choose(card)
        else if (key in steps) this.go(steps[key])
        else return
        event.preventDefault()
    }

    // A click on a card opens it, or chooses it, or leads to where it passes its gradient on.
    choose(target) {
        const group = target.closest("g.card"), id = group && cardId(group), card = this.cards[id]
        if (!card) return
        if (card.many) this.send({do: "unfold", card: id})
        else if (this.model.get("mode") === "nudge") this.move(id)
        else this.go(card.jumps.find(frame => frame > this.frame) ?? card.jumps[0])
    }

    toggle(mode) {
        this.pause()
        this.set("mode", this.model.get("mode") === mode ? "watch" : mode)
    }

    go(frame) {
        this.pause()
        this.set("frame", Math.max(0, Math.min(frame, this.last)))
    }

    play() {
        if (this.frame === this.last) this.set("frame", 0)
        this.playing = setInterval(() => {
            this.set("frame", this.frame + 1)
            if (this.frame === this.last) this.pause()
        }, PACE)
        this.parts.play.textContent = "pause"
    }

    pause() {
        clearInterval(this.playing)
        this.playing = null
        this.parts.play.textContent = "play"
    }

    // While Python is at work on one nudge, only the latest of those after it is kept.
    move(card) {
        const message = {do: "nudge", card, at: this.parts.epsilon.valueAsNumber}
        if (this.waiting) this.later = message
        else this.send(message)
    }

    // To and from Python.

    set(trait, value) {
        this.model.set(trait, value)
        this.model.save_changes()
    }

    send(message) {
        clearTimeout(this.waiting)
        this.waiting = setTimeout(() => this.tell(SILENT), PATIENCE)
        this.model.send(message)
    }

    answered() {
        clearTimeout(this.waiting)
        this.waiting = null
        if (this.parts.told.textContent === SILENT) this.tell(this.model.get("told"))
        const {later} = this
        this.later = null
        if (later) this.send(later)
    }

    // What is shown.

    // Python escapes the labels in the SVG; as XML, no script in it would run.
    draw() {
        const {svg, opened, times, epsilons} = this.model.get("picture"), {parts, model} = this
        const hadFocus = parts.stage.contains(document.activeElement) || parts.folds.contains(document.activeElement)
        const picture = document.importNode(new DOMParser().parseFromString(svg, "image/svg+xml").documentElement, true)
        // Tooltips and the description tell how it ends.
        if (model.get("mode") === "predict") for (const told of picture.querySelectorAll("g title, desc")) told.remove()
        picture.setAttribute("role", "group")
        parts.stage.replaceChildren(picture)
        for (const group of picture.querySelectorAll("g.card")) this.offer(group)
        parts.folds.replaceChildren(...opened.map((text, at) => button(text, text, () => this.send({do: "fold", at}))))
        parts.again.textContent = times > 1 ? "backward() once" : "backward() again"
        parts.again.title = times > 1 ? "back to one call" : "go on to a second call"
        parts.range.max = this.last
        parts.epsilon.max = epsilons.length - 1
        const single = Object.entries(this.cards).filter(([, card]) => !card.many)
        parts.value.replaceChildren(...single.map(([id, card]) => make("option", {value: id, textContent: card.name})))
        if (hadFocus) parts.root.focus()
        this.show()
        this.foretell()
    }

    // Let a folded card be reached and opened by keys.
    offer(group) {
        const card = this.cards[cardId(group)]
        if (!card?.many) return
        group.setAttribute("tabindex", "0")
        group.setAttribute("role", "button")
        group.setAttribute("aria-label", `open ${card.name}`)
    }

    // The picture and the words of the frame.
    show() {
        const {parts, frame, last} = this
        parts.stage.firstElementChild.style.setProperty("--am-k", frame)
        const [headline, lines] = this.model.get("picture").words[frame]
        const list = make("ul", {}, ...lines.map(line => make("li", {textContent: line})))
        parts.words.replaceChildren(make("p", {textContent: headline}), ...(lines.length ? [list] : []))
        parts.count.textContent = `${frame} of ${last}`
        parts.range.value = frame
        parts.range.setAttribute("aria-valuetext", `${frame} of ${last}`)
        for (const name of ["first", "back"]) enable(parts[name], frame > 0)
        for (const name of ["next", "last"]) enable(parts[name], frame < last)
    }

    switchMode() {
        const {parts} = this, mode = this.model.get("mode")
        parts.quiz.hidden = mode !== "predict"
        parts.moving.hidden = mode !== "nudge"
        parts.predict.setAttribute("aria-pressed", String(mode === "predict"))
        parts.nudge.setAttribute("aria-pressed", String(mode === "nudge"))
    }

    ask() {
        const {text, open, said, verdict, score, why} = this.model.get("quiz"), {parts} = this
        const isNew = parts.question.textContent !== text
        parts.question.textContent = text
        parts.said.textContent = said
        parts.said.className = verdict ? `am-${verdict}` : ""
        parts.score.textContent = score
        parts.why.textContent = why
        for (const part of [parts.answer, parts.check, parts.reveal]) part.hidden = !open
        if (isNew) parts.answer.value = ""
    }

    foretell() {
        const {card, at, about, rows = [], note} = this.model.get("nudged"), {parts} = this
        for (const group of parts.stage.querySelectorAll(".am-chosen")) group.classList.remove("am-chosen")
        if (about === undefined || this.model.get("mode") !== "nudge") return
        parts.choice.hidden = !card
        parts.value.value = card
        if (!this.later) parts.epsilon.value = at
        parts.size.textContent = this.model.get("picture").epsilons[at]
        parts.epsilon.setAttribute("aria-valuetext", parts.size.textContent)
        parts.stage.querySelector(`g.card[id$="-${card}"]`)?.classList.add("am-chosen")
        parts.about.textContent = about
        parts.note.textContent = note
        parts.rows.replaceChildren(...rows.map(([text, number, share]) => make(
            "div", {}, text, make("b", {textContent: number}),
            make("i", {className: share < 0 ? "am-below" : "", style: `width:${100 * Math.abs(share)}%`}),
        )))
    }

    tell(text) { this.parts.told.textContent = text }
}

export default {
    render({model, el}) {
        const view = new View(model)
        el.append(view.parts.root)
        return () => view.remove()
    },
}
