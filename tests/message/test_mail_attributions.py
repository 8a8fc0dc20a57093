"""Attributions as mail programs write them above a quote, in the languages people use."""

from __future__ import annotations

import pytest

from maild.message import quotes

LINES = {
    "en": "On Mon, Nov 16, 2026 at 9:00 AM Ann <a@y.example> wrote:",
    "de": "Am Mo., 16. Nov. 2026 um 09:00 Uhr schrieb Ann <a@y.example>:",
    "fr": "Le lun. 16 nov. 2026 à 09:00, Ann <a@y.example> a écrit :",
    "es": "El lun, 16 nov 2026 a las 9:00, Ann (<a@y.example>) escribió:",
    "it": "Il giorno lun 16 nov 2026 alle ore 09:00 Ann <a@y.example> ha scritto:",
    "pt-BR": "Em seg., 16 de nov. de 2026 às 09:00, Ann <a@y.example> escreveu:",
    "pt-PT": "Ann <a@y.example> escreveu (segunda, 16/11/2026 à(s) 09:00):",
    "nl": "Op ma 16 nov 2026 om 09:00 schreef Ann <a@y.example>:",
    "sv": "Den mån 16 nov. 2026 kl 09:00 skrev Ann <a@y.example>:",
    "da": "Den man. 16. nov. 2026 kl. 09.00 skrev Ann <a@y.example>:",
    "nb": "man. 16. nov. 2026 kl. 09:00 skrev Ann <a@y.example>:",
    "fi": "ma 16. marrask. 2026 klo 9.00 Ann (a@y.example) kirjoitti:",
    "is": "Þann mán., 16. nóv. 2026 kl. 09:00 skrifaði Ann <a@y.example>:",
    "pl": "pon., 16 lis 2026 o 09:00 Ann <a@y.example> napisał(a):",
    "cs": "po 16. 11. 2026 v 9:00 odesílatel Ann <a@y.example> napsal:",
    "sk": "po 16. 11. 2026 o 9:00 Ann <a@y.example> napísal(a):",
    "hu": "Ann <a@y.example> ezt írta (időpont: 2026. nov. 16., H, 9:00):",
    "ro": "În lun., 16 nov. 2026 la 09:00, Ann <a@y.example> a scris:",
    "bg": "На пн, 16.11.2026 г. в 9:00 Ann <a@y.example> написа:",
    "ru": "пн, 16 нояб. 2026 г. в 09:00, Ann <a@y.example>:",
    "uk": "пн, 16 лист. 2026 р. о 09:00 Ann <a@y.example> пише:",
    "el": "Στις Δευ 16 Νοε 2026 στις 9:00 π.μ., ο χρήστης Ann <a@y.example> έγραψε:",
    "tr": "Ann <a@y.example>, 16 Kas 2026 Pzt, 09:00 tarihinde şunu yazdı:",
    "hr": "pon, 16. stu 2026. u 09:00 Ann <a@y.example> napisao je:",
    "sr": "пон, 16. нов 2026. у 09:00 Ann <a@y.example> је написао/ла:",
    "sl": "V V pon., 16. nov. 2026 ob 09:00 je oseba Ann <a@y.example> napisala:",
    "et": "Kuupäev E, 16. november 2026 kell 09:00 kirjutas Ann (<a@y.example>):",
    "lv": "pirmd., 2026. g. 16. nov., plkst. 09:00 — lietotājs Ann (<a@y.example>) rakstīja:",
    "lt": "2026-11-16, pr, 09:00 Ann <a@y.example> rašė:",
    "ca": "Missatge de Ann <a@y.example> del dia dl., 16 de nov. 2026 a les 9:00:",
    "he": "\u202bבתאריך יום ב׳, 16 בנוב׳ 2026 ב-9:00 מאת \u202aAnn\u202c\u200f <\u202aa@y.example\u202c\u200f>:\u202c",
    "ar": "في الاثنين، ١٦ نوفمبر ٢٠٢٦ في ٩:٠٠ ص تمت كتابة ما يلي بواسطة Ann <a@y.example>:",
    "fa": "در تاریخ دوشنبه ۱۶ نوامبر ۲۰۲۶، ۹:۰۰ Ann <a@y.example> نوشت:",
    "hi": "सोम, 16 नव॰ 2026 को 9:00 am बजे को Ann <a@y.example> ने लिखा:",
    "th": "ในวันที่ จ. 16 พ.ย. 2026 เวลา 09:00 Ann <a@y.example> เขียนว่า:",
    "ko": "2026년 11월 16일 (월) 오전 9:00, Ann <a@y.example>님이 작성:",
    "ja": "2026年11月16日(月) 9:00 Ann <a@y.example>:",
    "zh-CN": "Ann <a@y.example> 于2026年11月16日周一 09:00写道：",
    "zh-TW": "Ann <a@y.example> 於 2026年11月16日 週一 上午9:00寫道：",
    "vi": "Vào Th 2, 16 thg 11, 2026 vào lúc 09:00 Ann <a@y.example> đã viết:",
    "id": "Pada tanggal Sen, 16 Nov 2026 pukul 09.00 Ann <a@y.example> menulis:",
    "Apple de": "Am 16.11.2026 um 09:00 schrieb Ann <a@y.example>:",
    "Apple fr": "Le 16 nov. 2026 à 09:00, Ann <a@y.example> a écrit :",
    "Apple pl": "Wiadomość napisana przez Ann <a@y.example> w dniu 16.11.2026, o godz. 09:00:",
    "Apple ru": "16 нояб. 2026 г., в 9:00, Ann <a@y.example> написал(а):",
    "Apple ja": "2026/11/16 9:00、Ann <a@y.example>のメール:",
    "Apple zh": "在 2026年11月16日，09:00，Ann <a@y.example> 写道：",
    "Apple sv": "16 nov. 2026 kl. 09:00 skrev Ann <a@y.example>:",
    "Thunderbird it": "Il 16/11/26 09:00, Ann ha scritto:",
    "Thunderbird ru": "16.11.2026 09:00, Ann пишет:",
    "Thunderbird nl": "Op 16-11-2026 om 09:00 schreef Ann:",
    "Thunderbird cs": "Dne 16. 11. 26 v 9:00 Ann napsal(a):",
    "Thunderbird hu": "2026. 11. 16. 9:00 keltezéssel, Ann írta:",
    "Yandex": '16.11.2026, 09:00, "Ann" <a@y.example>:',
    "mail.ru": "Понедельник, 16 ноября 2026, 9:00 +03:00 от Ann <a@y.example>:",
    "QQ": "------------------ 原始邮件 ------------------",
    "Proton": "On Monday, November 16th, 2026 at 9:00 AM, Ann <a@y.example> wrote:",
}


@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize("client", LINES)
def test_what_stands_below_is_older(client: str, mark: str) -> None:
    text = f"Yes.\n\n{LINES[client]}\n\n{mark}Does it burn?\n{mark}\n{mark}Ann\n"
    assert quotes.split(text).reply == "Yes."


@pytest.mark.parametrize(
    "line",
    [
        "Please call Ann <a@y.example> and tell her:",
        "My colleague (ann@y.example) wrote to you on Monday about this.",
        "The log of 2026-11-16 09:00 says:",
        "We met at 9:00, see the list below:",
        "Write to a@y.example:",
    ],
)
def test_what_people_write_themselves(line: str) -> None:
    text = f"Hello,\n\n{line}\n\nit burns.\n"
    assert quotes.split(text).reply == text.strip()
