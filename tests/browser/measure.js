// What is written on a page: where it is, and what is seen of it. In CSS pixels from the corner of the page.

const BLANK = /^[\p{Z}\p{C}\p{M}]*$/u

// The visible text nodes in the elements selected.
function textNodes(selector) {
    const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT), nodes = []
    while (walker.nextNode()) {
        const node = walker.currentNode, element = node.parentElement
        if (!BLANK.test(node.data) && element.closest(selector) && visible(element) && boxes(node).length) nodes.push(node)
    }
    return nodes
}

// Whether anything of the element is painted; text for screen readers alone, in a box of a pixel, is not.
function visible(element) {
    if (!element.checkVisibility({ visibilityProperty: true })) return false
    // Text in <defs>, or in an SVG group without display, passes for visible; but it has no size.
    if (element.closest("text")?.getBoundingClientRect().width === 0) return false
    for (let e = element; e; e = e.parentElement) if (Number(getComputedStyle(e).opacity) < 0.01) return false
    for (let e = element; e && e !== document.body; e = e.parentElement) {
        const { width, height } = e.getBoundingClientRect(), { overflow, display } = getComputedStyle(e)
        if (overflow !== "visible" && display !== "inline" && Math.min(width, height) <= 1) return false
    }
    return true
}

// The boxes of a part of a text node, one for each line.
function boxes(node, start = 0, end = node.length) {
    const range = document.createRange()
    range.setStart(node, start)
    range.setEnd(node, end)
    return [...range.getClientRects()].filter(({ width, height }) => width > 0 && height > 0)
}

function words(node) {
    return node.data.replaceAll(/\s+/g, " ").trim()
}

function texts(selector) {
    return textNodes(selector).map(words)
}

function overlapping(selector, tolerance) {
    const texts = textNodes(selector).map(node => ({ text: words(node), boxes: boxes(node) })), pairs = []
    const shared = (low, high, a, b) => Math.min(a[high], b[high]) - Math.max(a[low], b[low])
    const touch = (a, b) => shared("left", "right", a, b) > tolerance && shared("top", "bottom", a, b) > tolerance
    texts.forEach((a, i) => {
        for (const b of texts.slice(i + 1)) {
            if (a.boxes.some(box => b.boxes.some(other => touch(box, other)))) pairs.push([a.text, b.text])
        }
    })
    return pairs
}

function outside(selector, tolerance) {
    const found = []
    for (const node of textNodes(selector)) {
        for (const [name, frame] of frames(node.parentElement)) {
            const sticksOut = box =>
                Math.max(frame.left - box.left, box.right - frame.right, frame.top - box.top, box.bottom - frame.bottom)
            if (boxes(node).some(box => sticksOut(box) > tolerance)) found.push([words(node), name])
        }
    }
    return found
}

// The boxes that an element has to stay in, with their names.
function frames(element) {
    const found = [], card = element.closest("g.card")
    let svg = element.closest("svg")
    while (svg?.parentElement?.closest("svg")) svg = svg.parentElement.closest("svg")
    if (svg) found.push(["svg", svg.getBoundingClientRect()])
    if (card) {
        const shapes = [...card.querySelectorAll("rect, path, polygon, circle, ellipse")].filter(visible)
        const area = ({ width, height }) => width * height
        const largest = shapes.map(shape => shape.getBoundingClientRect()).sort((a, b) => area(b) - area(a))[0]
        if (largest) found.push(["card", largest])
    }
    return found
}

// How large the window has to be for the texts to be in sight, in all that scrolls and grows with it.
function windowFor(selector) {
    const page = document.scrollingElement, scrollers = new Set(page ? [page] : [])
    for (const node of textNodes(selector)) {
        for (let e = node.parentElement; e; e = e.parentElement) {
            if (/auto|scroll/.test(getComputedStyle(e).overflow)) scrollers.add(e)
        }
    }
    const most = lengths => Math.max(0, ...lengths)
    const width = most([...scrollers].map(each => each.scrollWidth - each.clientWidth))
    const height = most([...scrollers].map(each => each.scrollHeight - each.clientHeight))
    return { width: innerWidth + width, height: innerHeight + height, more: width > 0 || height > 0 }
}

function painted() {
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))
}

// The visible texts with a box for each letter.
function letters(selector) {
    return textNodes(selector).map(node => {
        const found = []
        for (const { segment, index } of new Intl.Segmenter().segment(node.data)) {
            if (BLANK.test(segment)) continue
            for (const { left, top, width, height } of boxes(node, index, index + segment.length)) {
                found.push([left + scrollX, top + scrollY, width, height])
            }
        }
        return { text: words(node), letters: found }
    })
}

// The part of the page that has all the letters.
function around(texts) {
    const all = texts.flatMap(text => text.letters)
    const low = i => Math.max(0, Math.floor(all.reduce((least, box) => Math.min(least, box[i]), Infinity)))
    const high = i => Math.ceil(all.reduce((most, box) => Math.max(most, box[i] + box[i + 2]), 0))
    const [x, y] = [low(0), low(1)]
    return { x, y, width: high(0) - x, height: high(1) - y }
}

// Stop all that moves, till thaw(). By CSS: an animation that a script has paused once heeds no animation-play-state.
function freeze() {
    const still = new CSSStyleSheet(), hidden = new CSSStyleSheet()
    still.replaceSync(`*, ::before, ::after {
        animation-play-state: paused !important; transition: none !important; caret-color: transparent !important
    }`)
    const moving = [...document.querySelectorAll("svg")].filter(svg => !svg.animationsPaused())
    moving.forEach(svg => svg.pauseAnimations())
    document.adoptedStyleSheets.push(still, hidden)
    window.frozen = { still, hidden, moving }
}

function hideWriting() {
    window.frozen.hidden.replaceSync(`
        *, ::before, ::after { -webkit-text-fill-color: transparent !important; text-shadow: none !important }
        text, text * { fill: transparent !important; stroke: transparent !important }
    `)
}

// Bring the writing back while transitions are still off, or it would fade in.
function thaw() {
    const { still, hidden, moving } = window.frozen
    for (const sheet of [hidden, still]) {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter(each => each !== sheet)
        document.documentElement.getBoundingClientRect()
    }
    moving.forEach(svg => svg.unpauseAnimations())
    delete window.frozen
}

// Each text with its letter of least contrast, between the pixel with most ink and the same pixel without the writing.
async function hardestLetters(texts, clip, written, ground) {
    const [ink, paper] = [await pixels(written), await pixels(ground)]
    return texts.map(({ text, letters }) => {
        const all = letters.map(box => inkiest(ink, paper, box, clip))
        const { fg, bg, ratio } = all.reduce((hardest, each) => (each.ratio < hardest.ratio ? each : hardest))
        return [text, hex(fg), hex(bg), ratio]
    })
}

async function pixels(png) {
    const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d")
    context.drawImage(bitmap, 0, 0)
    const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height)
    return { data, whole: new Uint32Array(data.buffer), width, height }
}

// The pixel in a letter's box that differs most from the ground.
function inkiest(ink, paper, [x, y, width, height], clip) {
    const edge = (at, size) => Math.min(size, Math.max(0, Math.round(at * clip.scale)))
    const [left, right] = [x - clip.x, x - clip.x + width].map(at => edge(at, ink.width))
    const [top, bottom] = [y - clip.y, y - clip.y + height].map(at => edge(at, ink.height))
    let best = ((top + bottom) >> 1) * ink.width + ((left + right) >> 1), most = 0
    for (let row = top; row < bottom; row++) {
        for (let i = row * ink.width + left; i < row * ink.width + right; i++) {
            if (ink.whole[i] === paper.whole[i]) continue
            const distance = channels(ink, i).reduce((sum, c, j) => sum + (c - channels(paper, i)[j]) ** 2, 0)
            if (distance > most) [best, most] = [i, distance]
        }
    }
    const [fg, bg] = [channels(ink, best), channels(paper, best)]
    return { fg, bg, ratio: contrast(fg, bg) }
}

function channels({ data }, i) {
    return [data[4 * i], data[4 * i + 1], data[4 * i + 2]]
}

// WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
function contrast(a, b) {
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y)
    return (light + 0.05) / (dark + 0.05)
}

function luminance(colour) {
    const [r, g, b] = colour.map(c => c / 255).map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function hex(colour) {
    return "#" + colour.map(channel => channel.toString(16).padStart(2, "0")).join("")
}
