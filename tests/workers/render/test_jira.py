from collections.abc import Callable

Ruled = Callable[..., str]

KEY = '<a class="jira-issue-key" href="https://acme.example/browse/AB-1"><img class="icon" src="/i.png"/>AB-1</a>'


def test_an_issue_is_key_summary_and_status(ruled: Ruled) -> None:
    status = '<span class="aui-lozenge aui-lozenge-success">Done</span>'
    issue = f'<p><span class="jira-issue">{KEY} - <span class="summary">Pay twice</span> {status}</span></p>'
    lozenge = '<span class="bp-lozenge bp-green">\u00a0DONE\u00a0</span>'
    assert ruled(issue) == f'<p><a href="https://acme.example/browse/AB-1">AB-1</a> - Pay twice {lozenge}</p>'


def test_an_issue_that_was_never_loaded_is_its_key(ruled: Ruled) -> None:
    waiting = '<span class="aui-icon aui-icon-wait">Loading</span><span class="aui-lozenge issue-placeholder">STATUS</span>'
    assert ruled(f'<p><span class="jira-issue">{KEY} - {waiting}</span></p>') == (
        '<p><a href="https://acme.example/browse/AB-1">AB-1</a></p>'
    )


def test_a_key_without_a_link_gets_one(ruled: Ruled) -> None:
    assert ruled('<p><span class="jira-issue">AB-1 late</span></p>') == '<p><a href="https://acme.example/browse/AB-1">AB-1</a> late</p>'
