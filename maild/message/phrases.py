"""What mail programs write around quotes, and subject words of automatic mail, in the languages that matter most.

All patterns are anchored, of bounded length, and matched without case against one line at a time.
"""

from __future__ import annotations

import re

# The verb that ends an attribution, longer forms first.
VERBS = (
    "wrote", "writes", "said", "schrieb", "geschrieben", "a écrit", "a ecrit", "écrit", "escribió", "escribio", "escreveu", "ha scritto", "scrisse",
    "heeft geschreven", "schreef", "geschreven", "skrev", "kirjoitti", "napisał(a)", "napisał", "napisal", "napsal(a)", "napsal", "пишет", "пише",
    "написал(а)", "написал", "написав", "şunu yazdı", "yazdı", "a scris", "írta", "έγραψε", "写道", "のメール", "書きました", "menulis", "đã viết", "כתב", "كتب",
)  # fmt: skip
_WROTE = "|".join(map(re.escape, VERBS))
_ON = (
    r"on|am|le|el|em|il|op|den|på|pe|dnia|dne|w dniu|a|il giorno|il dì|fra|från|on behalf|at|vào|pada|tarihinde|στις|в|"
    r"mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{4}年"
)

_ADDRESS = r"<[^<>\n@]{1,120}@[^<>\s]{1,120}>"
_WHEN = r"(?:\d{1,2}[:.h]\d{2}|\b(?:19|20)\d\d\b|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})"

# A line that may begin an attribution: a word for "on", a date, a name with an address, or a name with the verb.
ATTRIBUTION_START = (
    rf"\s{{0,4}}[*>|–—-]{{0,3}}\s?(?:(?:{_ON}|in data|wiadomość napisana przez|nadawca)\b|\d{{1,2}}\.? \w|\d{{4}}年|[^<]{{0,120}}<[^<>@]{{0,100}}(?:@|$)|\S{{1,60}}@\S{{1,80}}|"
    rf"\"?[\w.' -]{{2,60}}\"? (?:{_WROTE})\b)"
)
# A whole attribution, its lines joined and in lower case: a verb (in German, a name or date after it), or a date and an address, then a colon.
ATTRIBUTION = (
    rf"[^\n]{{3,400}}(?:\b|\s|\))(?:{_WROTE})(?:\s[^\n]{{1,120}})?\s?[:：]"
    rf"|(?=[^\n]{{0,300}}{_WHEN})[^\n]{{3,300}}{_ADDRESS}\)?\s?(?:(?:{_WROTE})?\s?[:：]?|[:：])"
    rf"|(?=[^\n]{{0,300}}{_WHEN})(?=[^\n]{{0,300}}@)(?:{_ON}|wiadomość napisana przez)\b[^\n]{{6,300}}[:：]"
    rf"|[^\n<>:]{{0,80}}{_ADDRESS}\s?[:：]"
)
# How a whole attribution ends, to try the above only where it can match.
ATTRIBUTION_END = rf"(?:[:：>)]|{_WROTE})\s{{0,3}}$"
QUOTING = "quoting|zitat von|in article|citando|citazione"
# An attribution without a date: not enough to cut by, enough to go with a quote below it.
BARE_ATTRIBUTION = rf"[^\n:\d]{{2,120}}\s(?:{_WROTE})\s?[:：]|(?:{QUOTING}) [^\n]{{2,160}}[:：]"

FROM = r"from|von|de|da|van|från|fra|od|от|lähettäjä|kimden|发件人|寄件者|差出人|보낸 사람|מאת"
HEADER = (
    rf"{FROM}|sent|to|cc|bcc|subject|date|reply-to|reply to|importance|attachments?|gesendet|an|betreff|datum|antwort an|envoyé|envoye|date d'envoi|"
    r"à|a|objet|répondre à|enviado(?: el| em)?|para|asunto|assunto|fecha|data|inviato|oggetto|per|verzonden|aan|onderwerp|skickat|till|ämne|kopia|"
    r"sendt|til|emne|kopi|wysłano|wysłane|do|temat|отправлено|дата|кому|тема|копия|lähetetty|vastaanottaja|aihe|kime|konu|gönderildi|"
    r"发送时间|收件人|抄送|主题|日期|傳送時間|收件者|主旨|送信日時|宛先|件名|보낸 날짜|받는 사람|제목"
)

ORIGINAL = (
    r"\s{0,4}[-_*=>]{2,40}\s?(?:original(?:e|nachricht|meddelelse|meddelande)?(?:[ -]?(?:message|mail|appointment|nachricht))?|ursprüngliche nachricht|"
    r"ursprungliche nachricht|message d'origine|message original|messaggio originale|mensaje original|mensagem original|oorspronkelijk bericht|"
    r"ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|oryginalna wiadomość|wiadomość oryginalna|původní zpráva|"
    r"исходное сообщение|пересылаемое сообщение|原始邮件|原始郵件|元のメッセージ|reply message|urspr\. mitteilung)\s?[-_*=]{0,40}"
)
FORWARDED = (
    r"\s{0,4}(?:[-_*=>]{2,40}\s?(?:forwarded (?:message|by)|weitergeleitete (?:nachricht|mitteilung)|message transféré|message transmis|mensaje reenviado|"
    r"mensagem encaminhada|messaggio inoltrato|doorgestuurd bericht|vidarebefordrat meddelande|videresendt|переадресованное|пересланное сообщение|转发的邮件|"
    r"wiadomość przekazana|přeposlaná zpráva)|begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|début du message (?:réexpédié|transféré)|"
    r"inizio messaggio inoltrato|inicio del mensaje reenviado|início da mensagem (?:re)?encaminhada|begin doorgestuurd bericht)"
)
REPLY_ABOVE = (
    r"(?:reply|type your (?:reply|response)|write a reply|respond|answer) (?:\w{1,12} )?(?:above|below) this (?:line|email)|bitte (?:oberhalb|über) dieser (?:zeile|linie)|"
    r"répondre au-dessus de cette ligne|responda? (?:por )?(?:encima|acima) d(?:e est|est)a (?:línea|linha)|scrivi sopra questa riga|##- ?please type"
)

_DEVICE = (
    r"iphone|ipad|ipod|android|blackberry|samsung|galaxy|smartphone|mobile|handy|windows phone|nokia|huawei|xiaomi|outlook|yahoo|gmail|mail für|mail for|"
    r"mail app|gmx|web\.de|protonmail|proton|thunderbird|bluemail|nine|aquamail|htc|sony|lg|motorola|telefon|téléphone|móvil|movil|celular|device|palm|"
    r"telefoon|appareil|dispositivo|dispositivo móvel|tablet"
)
MOBILE = (
    rf"(?:(?:sent|posted|composed) (?:from|with|via|using|by)|get|von (?:meine[mr]|unterwegs|mobil)|gesendet (?:von|mit|über)|diese nachricht wurde von|envoyé (?:de|depuis|à partir)|"
    rf"télécharge[rz]|enviado (?:desde|do|da|de|a partir)|obtener|obter|inviato (?:da|dal|con)|verzonden (?:vanaf|met|via)|verstuurd vanaf|skickat från|sendt fra|"
    rf"lähetetty|wysłane z|отправлено (?:с|из)|odesláno z)\b[^,.!?]{{0,60}}\b(?:{_DEVICE})\b[^,!?]{{0,40}}(?:<[^<>]{{0,120}}>|\([^()]{{0,120}}\)|\[[^\[\]]{{0,120}}\])?[^,!?]{{0,30}}"
)

# How the small print under a mail begins, and a word of it that leaves no doubt.
DISCLAIMER = (
    r"\s{0,4}[-*_>\[(]{0,4}\s?(?:(?:confidentiality|legal|privacy|security|important|email|e-mail)?\s?(?:notice|disclaimer|note|warning)\b|confidential(?:ity)?\b|"
    r"(?:the )?(?:information|content)s? (?:contained )?(?:in|of|transmitted)|(?:this|the) (?:e-?mail|message|communication|transmission|document|information|electronic)|"
    r"if you (?:are not|have received|received|believe)|please (?:consider|think)|think (?:green|before)|save (?:paper|a tree)|"
    r"diese (?:e-?mail|nachricht|mail|mitteilung)|der inhalt dieser|vertraulichkeitshinweis|hinweis:|denken sie|bitte (?:prüfen|denken)|"
    r"ce (?:message|courriel|mail|courrier)|cet? e-?mail|les informations contenues|avertissement|pensez à|"
    r"este (?:mensaje|correo|e-?mail|email)|la información contenida|aviso (?:legal|de confiden\w+)|antes de imprimir|"
    r"esta mensagem|as informações contidas|questo (?:messaggio|documento)|questa e-?mail|le informazioni contenute|avviso di riservatezza|ai sensi|"
    r"dit (?:bericht|e-?mailbericht)|deze e-?mail|de informatie (?:in|verzonden)|detta (?:meddelande|mejl|e-post)|denne (?:e-?mail|e-post|besked|meddelelse)|"
    r"tämä (?:viesti|sähköposti)|(?:ta|niniejsza) wiadomość|treść tej wiadomości|tento e-?mail|tato zpráva|bu (?:e-posta|mesaj)|это (?:сообщение|электронное)|"
    r"настоящее сообщение|данное сообщение|本邮件|此郵件|此电子邮件|この(?:電子)?(?:メール|メッセージ)|本メール|본 메일|이 메일)"
)
SMALL_PRINT = (
    r"confidential|privileged|intended (?:only|solely|recipient|for)|unauthori[sz]ed|virus|environment before|before (?:you )?print|"
    r"vertraulich|umwelt|bestimmt(?:en)? empfänger|confidentiel|destinataire|imprimer|confidencial|destinatari|imprimir|riservat|stampare|vertrouwelijk|"
    r"geadresseerde|konfidentiell|sekretess|fortrolig|luottamuksel|poufn|adresat|důvěrn|gizli|конфиденциальн|адресат|保密|机密|機密|受信者|기밀"
)
