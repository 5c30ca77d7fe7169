// Live: puts panels in place as the stream brings them. What is open or scrolled stays so, what has the focus keeps it.
"use strict"

const page = document.querySelector("[data-live]")
const said = document.getElementById("live-state")
const hold = document.getElementById("hold")
let stream = null

function tell(words, isOld = false) {
  if (said.textContent !== words) said.textContent = words
  said.classList.toggle("complaint", isOld)
}

function put(panel, html) {
  const open = [...panel.querySelectorAll("details[open]")].map(details => details.id)
  const scrolled = [...panel.querySelectorAll(".wide")].map(table => [table.id, table.scrollLeft])
  const focused = panel.contains(document.activeElement) && document.activeElement.id
  panel.innerHTML = html
  for (const id of open) document.getElementById(id)?.setAttribute("open", "")
  for (const [id, left] of scrolled) document.getElementById(id)?.scrollTo({ left, behavior: "instant" })
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true })
}

function begin() {
  stream = new EventSource(page.dataset.live)
  stream.addEventListener("panels", event => {
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const panel = document.getElementById(id)
      if (panel) put(panel, html)
    }
    tell("Live. All times are UTC.")
  })
  stream.addEventListener("away", () => tell("Nothing new can be shown; what you see is older.", true))
  stream.addEventListener("again", () => { // its time is over as planned, which is nothing to tell
    end()
    begin()
  })
  stream.addEventListener("error", () => {
    const isOver = stream.readyState === EventSource.CLOSED // it was refused: the session has ended, or too many look
    tell(`The connection was lost; what you see is older. ${isOver ? "Load the page again." : "Trying again."}`, true)
  })
}

function end() {
  stream.close()
  stream = null
}

if (page && window.EventSource) {
  begin()
  hold.hidden = false
  hold.addEventListener("click", () => {
    if (stream) {
      end()
      tell("Held; what you see is older.")
    } else begin()
    hold.textContent = stream ? "Hold" : "Go on"
  })
}
