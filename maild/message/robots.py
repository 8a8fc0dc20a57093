"""Words by which a robot's mail gives itself away in its text, when no header says so: away messages, challenges, acknowledgements.

One phrase is never enough where people write it too: it takes two of different kinds. Searched by RE2, so in linear time.
"""

from __future__ import annotations

import re2

from maild.message.phrases import ORIGINAL

_HEAD = 1500
_SHORT = 2500

# "This is an automatic reply", said of the mail itself.
_AUTOMATIC = re2.compile(
    r"(?i)this (?:is|was) an? (?:auto(?:matic|mated|-?generated|matically generated)?)[ -](?:\w+ )?(?:reply|response|answer|responder|acknowledge?ment|confirmation of receipt)|"
    r"(?:automatic|automated|auto)[ -]?(?:reply|response|responder)\b|"
    r"dies(?:e|es)? (?:ist|nachricht ist|e-?mail ist|mail ist|e-?mail wurde|nachricht wurde) (?:eine )?(?:automatisch|maschinell)\w*|automatische (?:antwort|abwesenheit\w*|eingangsbestätigung)|"
    r"(?:ceci est|il s'agit d') ?une? (?:réponse|message|accusé de réception) automatique|réponse automatique|"
    r"(?:esta|este|ésta) es una? (?:respuesta|mensaje|correo) automátic[ao]|respuesta automática|"
    r"(?:questa|questo) è una? (?:risposta|messaggio) automatic[ao]|risposta automatica|"
    r"(?:esta|este) é uma? (?:resposta|mensagem) automática|resposta automática|dit is een automatisch (?:antwoord|bericht|gegenereerd)|automatisch antwoord|"
    r"(?:detta|dette|det här) (?:är|er) (?:ett|et|en) auto\w{0,12} (?:svar|meddelande|besked|melding)|"
    r"to jest automatyczna (?:odpowiedź|wiadomość)|(?:wiadomość|odpowiedź) (?:została )?wygenerowana automatycznie|toto je automatick[áé] odpověď|"
    r"это автоматическ(?:ий ответ|ое сообщение|ое уведомление)|автоматический ответ|bu otomatik bir (?:yanıt|mesaj)|automaattinen vastaus|"
    r"(?:ez egy )?automatikus (?:válasz|üzenet)|αυτόματη απάντηση|自動(?:返信|応答|送信)|自动(?:回复|答复)|自動回覆|자동 ?(?:회신|응답)"
)

# "I am away".
_AWAY = re2.compile(
    r"(?i)\b(?:i am|i'm|i will be|i'll be|i shall be|we are|is|am) (?:currently |now |presently )?(?:out of (?:the |my )?(?:office|town|country)|away (?:from|until|till|on|for)|on (?:\w+ )?(?:leave|vacation|holidays?)\b|not in (?:the |my )?office|travell?ing)|"
    r"out of (?:the )?office (?:until|from|and|on)|ich bin (?:derzeit |momentan |zur ?zeit |vom |ab |bis |leider |heute |aktuell |im |nicht |außer |bis einschließlich ){1,4}[^\n]{0,60}(?:abwesend|im urlaub|außer haus|nicht im (?:büro|haus|hause)|nicht erreichbar|zu erreichen|in elternzeit|unterwegs|erreichbar)|"
    r"je (?:suis|serai) (?:actuellement |absente? |en |hors ){1,3}|je (?:suis|serai) absent|(?:estoy|estaré|me encuentro|me encontraré) (?:actualmente )?(?:fuera|ausente|de vacaciones)|"
    r"(?:sono|sarò) (?:attualmente )?(?:assente|fuori (?:sede|ufficio)|in (?:ferie|vacanza))|(?:estou|estarei|encontro-me|me encontro) (?:atualmente |actualmente )?(?:ausente|fora d|de férias|em férias)|"
    r"ik ben (?:momenteel |op dit moment |tot |van |vanaf |niet |afwezig )[^.\n]{0,60}(?:afwezig|vakantie|op kantoor|aanwezig|bereikbaar)|ik ben (?:afwezig|met vakantie|op vakantie)|"
    r"jag är (?:just nu |för närvarande |tillbaka |på semester|ledig|borta|inte på)|jeg er (?:i øjeblikket |for tiden |på ferie|ikke (?:på|til stede)|bortreist|fraværende|ute av)|"
    r"olen (?:lomalla|poissa|vuosilomalla)|jestem (?:obecnie |aktualnie )?(?:nieobecn[ya]|na urlopie|poza biurem)|przebywam na urlopie|"
    r"(?:momentálně |nyní )?(?:jsem|nejsem) (?:mimo kancelář|na dovolené|v kanceláři)|я (?:нахожусь|сейчас) (?:в отпуске|вне офиса|отсутств)|меня не будет в офисе|в отпуске (?:с|до|по)|"
    r"szabadságon (?:vagyok|leszek)|(?:ofis dışındayım|izindeyim|yıllık izinde)|(?:休暇(?:中|を)|不在にし|外出して)|(?:我(?:正在|将|目前)?(?:休假|不在办公室|出差))|(?:부재중|휴가 ?중)"
)

# What an away message goes on to say.
_CARE = re2.compile(
    r"(?i)thank(?:s| you)(?: very much| so much)? for (?:your |the |contacting |writing |getting |reaching )|limited access|no access to my|"
    r"will (?:respond|reply|answer|read your|get back)[^.\n]{0,60}(?:return|back)|will not be (?:forwarded|read)|(?:upon|on|after) my return|"
    r"vielen dank für (?:ihre|deine)|(?:ihre|deine) (?:e-?mail|nachricht|mail) wird (?:nicht|in)|in dringenden (?:fällen|angelegenheiten)|(?:meine[rn]?|der) (?:vertretung|rückkehr)|wenden sie sich|werde ich (?:ihre|mich)|kein(?:en)? zugriff|"
    r"merci (?:pour|de) votre|en cas d'urgence|dès mon retour|à mon retour|en mon absence|pendant mon absence|gracias por su|en caso de urgencia|a mi (?:regreso|vuelta)|durante mi ausencia|"
    r"grazie per (?:la|aver)|in caso di urgenz|al mio (?:rientro|ritorno)|in mia assenza|obrigad[ao] pel|em caso de urgência|meu (?:regresso|retorno)|minha ausência|"
    r"bedankt voor|dank voor|in dringende gevallen|bij mijn (?:terugkomst|afwezigheid)|tijdens mijn|tack för|vid brådskande|när jag är tillbaka|tak for|takk for|når jeg er tilbake|kiitos |palaan |"
    r"dziękuję za|w pilnych|po powrocie|w sprawach pilnych|děkuji za|v naléhavých|po návratu|спасибо за|по срочным|в срочных|после возвращения|по возвращении|"
    r"sürgős|köszönöm|acil |dönüşümde|緊急|お急ぎ|ご連絡|紧急|如有急事|급한|긴급"
)

# "Prove that you are no robot before we deliver your mail."
_CHALLENGE = re2.compile(
    r"(?i)(?:(?:click|follow|visit|use|press|respond|reply)[^.]{0,120}(?:allowed list|guest list|white-?list|approved senders?|address book|to (?:verify|confirm|prove|authenticate) (?:that )?(?:you|your (?:address|e-?mail|message|identity))|"
    r"(?:deliver(?:ed|y of)?|release|forward) your (?:e-?mail|message|mail))|account is protected by|protected by (?:a )?(?:challenge|spam ?arrest|anti-?spam)|challenge[- /]response|"
    r"(?:message|e-?mail|mail) (?:has been|was|is being) (?:waitlisted|held|quarantined|placed on hold)[^.]{0,160}(?:until|because|pending)|has been\s+waitlisted|listed on\s+my\s+\w{0,20} ?guest list|"
    r"(?:one|1)[- ]time (?:only )?(?:automated|automatic)? ?(?:message|verification|confirmation|request)|(?:prove|verify|confirm) (?:that )?you(?:'re| are) (?:a )?(?:human|real person|not a (?:robot|spammer))|"
    r"bestätigen sie[^.]{0,80}(?:absender|kein spam)|confirm(?:er|ez) que vous (?:n')?êtes)"
)
_LINK = re2.compile(r"(?i)https?://|mailto:|reply to this (?:e-?mail|message)")

# "We have received your message", and who says it.
_RECEIVED = re2.compile(
    r"(?i)(?:we(?: have|'ve)?|has been|was|been) (?:successfully )?received (?:your|and|by)|your (?:message|e-?mail|request|enquiry|inquiry|query|mail|ticket|case) (?:has been|was) (?:successfully )?(?:received|registered|logged|created|assigned|submitted)|"
    r"(?:ticket|case|request) (?:number|id|reference|#)[^.\n]{0,40}(?:has been|was) (?:created|opened|assigned)|(?:we )?confirm(?:s|ing)? (?:the )?receipt|acknowledge(?:s|ment)? (?:the )?receipt|"
    r"(?:ihre|deine) (?:anfrage|nachricht|e-?mail|mail|mitteilung) (?:ist (?:bei uns )?eingegangen|haben wir erhalten|wurde (?:erfasst|registriert|empfangen))|haben ihre (?:anfrage|nachricht|e-?mail|mail) (?:erhalten|empfangen)|"
    r"(?:avons bien reçu|a bien été (?:reçu|enregistré))|(?:hemos recibido|ha sido (?:recibid|registrad))|(?:abbiamo ricevuto|è stat[ao] (?:ricevut|registrat))|(?:recebemos|foi (?:recebid|registrad))|"
    r"(?:hebben uw (?:bericht|vraag|e-?mail|mail) (?:goed )?ontvangen|is (?:goed )?ontvangen)|(?:vi har (?:mottagit|modtaget|mottatt))|(?:otrzymaliśmy|została (?:przyjęta|zarejestrowana))|(?:ваше? (?:письмо|обращение|запрос|сообщение)[^.\n]{0,40}(?:получен|зарегистрирован|принят))|"
    r"(?:obdrželi jsme|byl přijat)|受け付け(?:まし|ました)|已(?:收到|受理)"
)
_NO_PERSON = re2.compile(
    r"(?i)\bautomat|do not (?:reply|respond)|don't reply|please don't answer|nicht (?:auf diese|antworten)|keine antwort|ne (?:pas répondre|répondez pas)|no responda|non rispondere|não responda|niet (?:te )?(?:beantwoorden|antwoorden)|"
    r"svara inte|besvar ikke|nie odpowiada|neodpovídejte|не отвечай|返信しない|请勿回复"
)
_REPEATED = re2.compile(rf"(?im)^(?:[>|]|{ORIGINAL})")


def reasons(text: str, *, answers: bool, robot: bool) -> tuple[str, ...]:
    """Why the text is a robot's answer, as sentences for `explain`; empty when a person may have written it.

    `text` is the new words. `answers`: the mail says that it answers another one; `robot`: nobody reads its From.
    """
    said = text.strip()
    repeated = _REPEATED.search(said)
    said = said[: repeated.start()] if repeated and repeated.start() else said
    if len(said) > _SHORT:
        return ()
    head = said[:_HEAD]
    challenge = _CHALLENGE.search(head)
    if challenge and _LINK.search(said):
        return (f"its text asks for a proof: {_shown(challenge[0])}",)
    if not (answers or robot or len(head) < _HEAD):
        return ()
    automatic = _AUTOMATIC.search(head)
    away = _AWAY.search(head)
    if away and (automatic or (away.start() < 400 and _CARE.search(said))):
        return (f"its text says {_shown(away[0])}",)
    if automatic and (answers or robot or automatic.start() < 200):
        return (f"its text says {_shown(automatic[0])}",)
    received = _RECEIVED.search(head)
    if received and (answers or robot) and (robot or _NO_PERSON.search(said)):
        return (f"its text says {_shown(received[0])}",)
    return ()


def _shown(words: str) -> str:
    return repr(" ".join(words.split())[:80])
