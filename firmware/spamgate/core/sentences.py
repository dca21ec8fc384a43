"""What each kind of evidence means in words, as a predicate about the device: "asked for ...".

Apart from the table because a device needs them only when its owner asks.
"""

SENTENCES = {
    "mx_query": "asked for the mail servers of other domains",
    "mail_name_query": "guessed names of mail servers of three or more domains",
    "nxdomain_burst": "asked for many names that do not exist",
    "dnsbl_query": "asked mail blocklists about an address",
    "mx_connect": "connected straight to a domain's own mail server",
    "second_provider": "mailed two unrelated providers without a past at either",
    "fan_out": "mailed three providers in ten minutes, or four in a day",
    "wide_fan_out": "mailed five or more unrelated providers in a day",
    "no_dns_connect": "connected to a mail server that nobody looked up",
    "connect_failed": "could not reach mail servers of two or more providers",
    "unknown_user": "wrote to unknown users at two or more providers",
    "many_unknown_users": "a quarter of its recipients do not exist",
    "bad_helo": "introduced itself with a name that is no host name",
    "helo_changes": "introduced itself under three or more names",
    "helo_impersonates": "introduced itself as domains it wrote to",
    "many_senders": "wrote under five or more unrelated sender domains",
    "many_recipients": "wrote to five or more people at a server new to it",
    "many_messages": "sent four or more messages over one connection",
    "auth_failures": "failed to log in at five or more mail services",
    "proxied": "was used as a proxy from outside before mailing",
    "house_fan_out": "is one of several new devices that together mail many",
    "mx_many_domains": "asked for mail servers of five or more domains and connected to them",
    "listed_name": "asked for or called what the blocklist names, and then mailed",
    "mass_at_known": "wrote to 200 or more people in a day at servers it has long used",
    "surge": "mailed far more servers new to it in a day than this mail server ever did",
    "mass_recipients": "wrote to twenty or more people at servers new to it",
}
