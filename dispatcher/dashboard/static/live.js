// Live: puts panels in place as the stream brings them. What is open stays open, what has the focus keeps it.
"use strict"

const page = document.querySelector("[data-live]")
const said = document.getElementById("live-state")

function tell(words, isOld = false) {
  if (said.textContent !== words) said.textContent = words
  said.classList.toggle("complaint", isOld)
}

function put(panel, html) {
  const open = [...panel.querySelectorAll("details[open]")].map(details => details.id)
  const focused = panel.contains(document.activeElement) ? document.activeElement : null
  const path = focused && [...panel.querySelectorAll("summary, a, [tabindex]")].indexOf(focused)
  panel.innerHTML = html
  for (const id of open) document.getElementById(id)?.setAttribute("open", "")
  if (focused) panel.querySelectorAll("summary, a, [tabindex]")[path]?.focus()
}

if (page && window.EventSource) {
  const stream = new EventSource(page.dataset.live)
  stream.addEventListener("panels", event => {
    for (const [id, html] of Object.entries(JSON.parse(event.data))) {
      const panel = document.getElementById(id)
      if (panel) put(panel, html)
    }
    tell("Live. All times are UTC.")
  })
  stream.addEventListener("away", () => tell("Redis does not answer; what you see is older.", true))
  stream.addEventListener("error", () => {
    const isOver = stream.readyState === EventSource.CLOSED // it was refused: the session has ended, or too many look
    tell(`The connection was lost; what you see is older. ${isOver ? "Load the page again." : "Trying again."}`, true)
  })
}
