"""What mail programs write around quotes, and subject words of automatic mail, in the languages that matter most.

All patterns are anchored, of bounded length, and matched without case against one line at a time.
"""

from __future__ import annotations

import re

# The verb that ends an attribution, longer forms first.
VERBS = (
    "wrote", "writes", "said", "schrieb", "geschrieben", "a écrit", "a ecrit", "écrit", "escribió", "escribio", "escreveu", "ha scritto", "scrisse",
    "heeft geschreven", "schreef", "geschreven", "skrev", "kirjoitti", "napisał(a)", "napisał", "napisal", "napsal(a)", "napsal", "пишет", "пише",
    "написал(а)", "написал", "написав", "şunu yazdı", "yazdı", "napísal(a)", "napísala", "napísal", "napsala", "napisała", "napisao je", "napisao/la je", "napisala je", "je napisao/la",
    "je napisao", "je napisala", "je napisal(a)", "je napisal", "napisala", "је написао/ла", "је написао", "је написала", "написао је", "написа", "написала", "kirjutas", "rakstīja",
    "rašė", "skrifaði", "va escriure", "escribiu", "idatzi du", "ने लिखा", "เขียนว่า", "님이 작성", "님이 썼습니다", "寫道", "نوشت", "a scris", "írta", "έγραψε", "写道", "のメール", "書きました", "menulis", "đã viết", "כתב", "كتب",
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
    rf"\s{{0,4}}[*>|–—-]{{0,3}}\s?(?:(?:{_ON}|in data|wiadomość napisana przez|nadawca|missatge de)\b|\d{{1,2}}\.? \w|\d{{4}}(?:年|[.년]\s?\d)|[^<(]{{0,120}}[<(]{{1,2}}[^<>()@]{{0,100}}(?:@|$)|\S{{1,60}}@\S{{1,80}}|"
    rf"\"?[\w.' -]{{2,60}}\"? (?:{_WROTE})\b)"
)
# A whole attribution, its lines joined and in lower case: a verb (in German, a name or date after it), or a date and an address, then a colon.
ATTRIBUTION = (
    rf"[^\n]{{3,400}}(?:\b|\s|\)|(?<=\d))(?:{_WROTE})(?:\s[^\n]{{1,120}})?\s?[:：]"
    rf"|(?=[^\n]{{0,300}}{_WHEN})[^\n]{{3,300}}{_ADDRESS}\)?\s?(?:(?:{_WROTE})?\s?[:：]?|[:：])"
    rf"|(?=[^\n]{{0,300}}{_WHEN})(?=[^\n]{{0,300}}@)(?:{_ON}|wiadomość napisana przez|missatge de)\b[^\n]{{6,300}}[:：]"
    rf"|[^\n<>:]{{0,80}}{_ADDRESS}\s?[:：]"
)
# How a whole attribution ends, to try the above only where it can match.
ATTRIBUTION_END = rf"(?:[:：>)]|{_WROTE})\s{{0,3}}$"
QUOTING = "quoting|zitat von|in article|citando|citazione"
# An attribution without a date: not enough to cut by, enough to go with a quote below it.
BARE_ATTRIBUTION = rf"[^\n:\d]{{2,120}}\s(?:{_WROTE})\s?[:：]|(?:{QUOTING}) [^\n]{{2,160}}[:：]"

_DASHES = "[-_*=>\u2010-\u2015]"
ORIGINAL = (
    rf"\s{{0,4}}{_DASHES}{{2,40}}\s?(?:original(?:e|nachricht|meddelelse|meddelande)?(?:[ -]?(?:message|mail|appointment|nachricht))?|ursprüngliche nachricht|"
    r"ursprungliche nachricht|message d'origine|message original|messaggio originale|mensaje original|mensagem original|oorspronkelijk bericht|"
    r"ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|oryginalna wiadomość|wiadomość oryginalna|původní zpráva|"
    r"исходное сообщение|原始邮件|原始郵件|元のメッセージ|reply message|urspr\. mitteilung)\s?[-_*=‐-―]{0,40}"
)
# Between dashes (Gmail, Thunderbird, Yahoo, Proton, Notes), or as a sentence that ends in a colon (Apple Mail).
FORWARDED = (
    rf"\s{{0,4}}(?:{_DASHES}{{2,40}}\s?(?:start of )?(?:forwarded (?:message|mail|e-?mail|by)|(?:beginn der )?weitergeleitete(?:n)? (?:nachricht|mitteilung|e-?mail|mail)|(?:message|mail|e-?mail|courriel) (?:transféré|transmis|réexpédié)|"
    r"(?:mensaje|correo) reenviado|mensagem (?:re)?encaminhada|mensagem original encaminhada|messaggio inoltrato|doorgestuurd (?:bericht|mail|e-mail)|doorgezonden bericht|vidarebefordra(?:t|de) (?:meddelande|mejl|brev|e-post)|"
    r"videresend(?:t|te) (?:besked|meddelelse|melding|mail|e-?post|e-?mail)?|переадресованное|пере(?:сланное|сылаемое|направленное) (?:сообщение|письмо)|пересилається повідомлення|пере(?:слане|направлене) повідомлення|"
    r"(?:treść )?(?:przekazan(?:a|ej)|przesłan(?:a|ej)|przesyłan(?:a|ej)) (?:dalej )?wiadomoś(?:ć|ci)|wiadomość (?:przekazana|przesłana)|přeposlaná zpráva|preposlaná správa|"
    r"edelleenlähetetty viesti|välitetty viesti|továbbított (?:üzenet|levél)|iletil(?:en|miş) (?:ileti|mesaj)|yönlendiril(?:en|miş) (?:ileti|mesaj|e-?posta)|mesaj (?:redirecționat|retrimis|înaintat)|"
    r"προωθημένο μήνυμα|proslijeđena poruka|missatge reenviat|tin nhắn được chuyển tiếp|pesan terusan|转发的?(?:邮件|消息|信息)|已转发(?:邮件|的邮件)|轉寄的?(?:郵件|訊息)|轉寄郵件|転送(?:メッセージ|メール|された(?:メール|メッセージ))|전달된 (?:메시지|메일)|הודעה שהועברה|الرسالة المعاد توجيهها|رسالة معاد توجيهها)"
    r"|begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|début du (?:message|courriel) (?:réexpédié|transféré)|"
    r"inizio (?:del )?messaggio inoltrato|inicio del mensaje reenviado|(?:início|começo) da mensagem (?:re)?encaminhada|begin doorgestuurd bericht|"
    r"(?:börja på |början på )?vidarebefordrat (?:brev|mejl|meddelande)\s?:|(?:start på |begyndelsen på |begynnelsen på |begynnelse på )?videresendt (?:besked|meddelelse|melding|e-post)\s?:|"
    r"(?:początek|rozpoczęcie) prze(?:kazywanej|kazanej|słanej) wiadomości|начало (?:переадресованного|пересылаемого|пересланного) (?:сообщения|письма)|початок листа, що пересилається|"
    r"välitetty viesti alkaa|edelleenlähetetty viesti alkaa|začátek přeposílané zprávy|začiatok preposlanej správy|a továbbított (?:levél|üzenet) kezdete|(?:yönlendirilmiş|iletilen) iletinin başlangıcı|"
    r"以下是(?:被)?转发的邮件|开始转发的邮件|以下是(?:被)?轉寄的郵件|開始轉寄郵件|下面是被转发的邮件|転送されたメール\s?[:：]|아래는 전달된 메일입니다|전달된 메시지 시작)"
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
    rf"lähetetty|wysłane z|отправлено (?:с|из)|odesláno z|أُ?رسلت من)\b[^,.!?]{{0,60}}\b(?:{_DEVICE})\b[^,!?]{{0,40}}(?:<[^<>]{{0,120}}>|\([^()]{{0,120}}\)|\[[^\[\]]{{0,120}}\])?[^,!?]{{0,30}}"
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
