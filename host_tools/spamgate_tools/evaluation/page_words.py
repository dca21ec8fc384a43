"""The sentences of the page: what is simulated, what is real, and how to read each part."""

from typing import NamedTuple


class Caption(NamedTuple):
    """A figure's title, and how to read it."""

    title: str
    reading: str


TITLE = "Spamgate: how well it finds senders of spam, beside published methods"

WHAT_IS_REAL = """
<h2>What is simulated and what is real</h2>
<ul>
<li><b>Simulated:</b> homes, devices, their habits, senders of spam, DNS and mail servers. Every number of them has
its source below, or is marked “assumed”. Servers accept every message unless a kind says otherwise, so that leaks are
not hidden by rejections.</li>
<li><b>Real:</b> Spamgate is the firmware’s own engine, told of each event as the router’s readers tell it; tests hold
the two to the same verdicts over the same homes as packets. The router’s rules (421 in the server’s place, budgets,
what passes to old destinations) are modelled after the rule set that the end-to-end tests exercise in a kernel.</li>
<li><b>An oracle:</b> SPOT judges the text of messages. No gateway sees it under TLS; here it is told whether a
message is spam, with the error rates stated below.</li>
<li><b>The same for all:</b> every method sees the same plan of the same home, may act on port 25 only, leaves devices
alone that the owner granted as mail servers, and what it stops changes what happens next: queues retry, bots go on to
the next victim.</li>
<li><b>Not shown by this:</b> how often real homes have such devices. Kinds that mail on port 25 are far more frequent
here than in the world: it is they whom detectors wrong.</li>
</ul>
"""

METHODS = """
<p>Contained: at most 5 messages accepted by any server in any 24 hours, from the device’s first mail connection on;
the columns up to “calls” speak of all kinds of sender of 6 connections an hour and more that use port 25 and do not
know the thresholds; one of them sits on a mail server that the owner granted, which hardly any method may touch.
Leaked: messages accepted in the worst 24 hours. Calls: connections to port 25 until the method first acts. Late:
clean devices’ mails delivered more than 5 minutes after they would have been without the method. Lost: given up that
would have been delivered. Both of clean devices in homes without a sender.</p>
"""

FIGURES = {
    "tradeoff": Caption(
        "Whom a method contains, and whom it wrongs",
        "Each method at several settings; the large mark is the published one, and the line joins those that no other "
        "setting of the method beats. "
        "The axis of wrong acts is linear up to 0.5, so that 0 has a place.",
    ),
    "contained": Caption("Senders contained, by kind", "Share of seeds, in percent."),
    "leaks": Caption(
        "Messages leaked, by kind",
        "Accepted by servers in the worst 24 hours. All devices of a home that send spam count as one sender.",
    ),
    "calls": Caption(
        "Connections until a sender is found", "A line that ends below 100 %: the rest is never acted against."
    ),
    "wrong": Caption("Clean devices acted against", "Exact 95 % intervals (Garwood)."),
    "sensitivity": Caption(
        "What if one of Spamgate’s numbers were otherwise",
        "Each weight of evidence and each threshold times 0.5 to 1.5, all else as shipped, over a part of the homes. "
        "A row of equal colour: nothing hangs on that number alone.",
    ),
}

WINS = """
<p>Each figure of each method as published is held against Spamgate’s over the same homes, kind by kind and group by
group, whatever it costs elsewhere: the switch that blocks port 25 leaks nothing, and loses its owner’s mail.</p>
"""
NOT_BEATEN = (
    "Settings of other methods that contain more senders, or wrong fewer clean devices, than Spamgate as shipped "
    "(so that it does not beat them in both), or equal it in both:"
)
ALL_BEATEN = (
    "No setting of another method contains more senders or wrongs fewer clean devices: Spamgate as shipped beats "
    "every point of every curve."
)

PRECISION = """
<p>Of the devices that a method acts against within the window, the share that sends spam, if one device in so many
does (in brackets: at the unlucky ends of the 95 % intervals). Clean devices count as often as they are in the corpus,
which has far more of those that use port 25 than the world has.</p>
"""

KINDS = """
<p>Leaked: messages accepted in the worst 24 hours. Until it acts: messages accepted before the method’s first action.
Calls: connections to port 25 until then, that one included; “-”: it did not act in so many homes. Where several
devices of a home are one bot, their calls before each was stopped are added up. Kinds that mail on submission ports
only leak nothing on port 25: they are out of the sight and the reach of all methods here, whatever the table says of
them.</p>
"""

CLEAN = """
<p>Acted against: at least once. “At most”: the one-sided upper 95 % bound of the rate. Reported apart are devices
that do what only a mail server does though their owner has not granted it, and port-25 scanners that their owner
runs: a method may act against them, but no mail may be lost.</p>
"""

CAPTURES = "<p>Captures of real traffic, replayed as homes: after how many connections to port 25 each method acts.</p>"
NO_CAPTURES = "<p>Not run: no folder of captures was given (<code>--captures DIR</code>).</p>"

CORPUS = """
<p>Homes are made from seeds: even ones are for learning parameters, odd ones for judging; half of the kinds are never
seen while learning. The same seed makes the same home.</p>
"""
