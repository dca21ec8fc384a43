"""Infected: mails straight to the recipients' mail servers, many at a time.

Pace and habits are those of the real capture of 2010-11-18 (`pcap_spambot`; no byte of it is here): 53 connections
in its busiest ten seconds, waves of ten to thirteen seconds with seven of rest, one message a connection, one HELO
(its line's dynamic name) and one forged sender for all, "MAIL FROM: <" with the blank, 26 of 345 domains dead.
"""

from spamgate_tools.lab.devices.campaign import Campaign
from spamgate_tools.lab.devices.device import Device

_BETWEEN_S = (0.02, 0.36)  # 0.19 on average: 53 in ten seconds
_WAVE_S = (10.0, 13.0)
_REST_S = (6.0, 9.0)
_DEAD_SHARE = 26 / 345


async def live(device: Device) -> None:
    campaign = Campaign(device, dead_share=_DEAD_SHARE)
    dice = device.dice
    await device.pause(device.options.idle)
    while not device.is_over:
        left_s = dice.uniform(*_WAVE_S)
        while left_s > 0 and not device.is_over:
            device.spawn(campaign.mail_by_mx(campaign.next_letter()))
            wait_s = device.options.every or dice.uniform(*_BETWEEN_S)
            await device.pause(wait_s)
            left_s -= wait_s
        await device.pause(dice.uniform(*_REST_S))
