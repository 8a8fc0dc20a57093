"""Subject words by which automatic mail gives itself away, in the languages that matter most."""

from __future__ import annotations

import re

import re2

_PREFIX = r"^\s*(?:(?:\[[^\]]{1,40}\]|(?:re|aw|sv|antw|wg|fwd?|tr|res|rv|r|vs|odp)\s?:)\s*){0,4}[*<(\[\"'!-]{0,4}\s*(?:.{0,60}\bis )?"

ANSWER = re.compile(
    r"\s*(?:re|aw|sv|antw|res|rif|ref|vs|odp|vá|ynt|atb|απ|回复|回覆|答复|返信)(?:\[\d{1,3}\]|\^\d)?\s?[:：]",
    re.IGNORECASE,
)

AUTOMATIC = re.compile(
    _PREFIX
    + r"(?:out[ -]of[ -](?:the[ -])?office|auto(?:matic|mated|mátic\w+|matica|mática)?[ -]?(?:reply|response|answer|acknowledge?ment|responder|risposta|svar|antwort|réponse|odpověď)|"
    r"autoreply|auto ?re:|autorespon\w+|vacation (?:reply|message|notice|response|auto)|on (?:vacation|holiday|leave)\b|i am (?:on vacation|out of)|away from (?:my|the) (?:office|desk|mail)|"
    r"ooo\b|(?:currently )?out of (?:the )?office|annual leave|maternity leave|absence (?:from|du|reply)|"
    r"abwesenheit\w*|abwesend|ich bin (?:nicht im büro|im urlaub)|automatische (?:antwort|abwesenheit\w*|rückmeldung|e-?mail-?antwort|eingangsbestätigung)|eingangsbestätigung|urlaub(?:sbenachrichtigung)?:|nicht im (?:büro|haus)|"
    r"réponse automatique|réponse d'absence|absence (?:du|de) bureau|message d'absence|absent(?:e)? du bureau|(?:je suis )?en congés?\b|accusé de réception|"
    r"respuesta automática|respuesta automatica|fuera de (?:la )?oficina|ausente de la oficina|ausencia|"
    r"resposta automática|resposta automatica|fora do escritório|fora do escritorio|ausência|aviso de ausência|"
    r"risposta automatica|fuori (?:sede|ufficio)|assenza dall'ufficio|assente dall'ufficio|"
    r"automatisch(?:e)? (?:antwoord|beantwoord\w*)|afwezig(?:heid\w*)?\b|niet op kantoor|ontvangstbevestiging|"
    r"automatiskt svar|automatisk svar|autosvar|frånvaro\w*|fraværs\w*|ikke på kontoret|poissaolo\w*|automaattinen vastaus|"
    r"automatyczna odpowiedź|autoodpowiedź|poza biurem|automatická odpověď|mimo kancelář|automatikus válasz|otomatik yanıt|răspuns automat|"
    r"автоматический ответ|автоответ\w*|автоматична відповідь|αυτόματη απάντηση|自動応答|自動返信|不在通知|自动回复|自動回覆|자동 ?회신|부재중|תשובה אוטומטית|رد تلقائي)",
    re.IGNORECASE,
)

# What mail programs put before the subject they answer, wherever in it they put it.
AUTOMATIC_ANYWHERE = re2.compile(
    r"(?i)(?:^|[\s:\[(])(?:automatic reply|automatische antwort|réponse automatique|respuesta automática|risposta automatica|resposta automática|resposta automàtica|"
    r"automatisch antwoord|automatiskt svar|automatisk svar|autosvar|automaattinen vastaus|automatyczna odpowiedź|automatická odpověď|automatická odpoveď|"
    r"automatikus válasz|răspuns automat|автоматичен отговор|автоматический ответ|автоматична відповідь|автоматска порука|аутоматски одговор|αυτόματη απάντηση|"
    r"otomatik yanıt|automatinis atsakymas|autom[aā]tisk[aā] atbilde|automaatvastus|samodejni odgovor|avtomatski odgovor|automatski odgovor|trả lời tự động|"
    r"balasan otomatis|balasan automatik|erantzun automatikoa|sjálfvirkt svar)\s?[:\])]|自動応答|自動返信|自动(?:答复|回复)|自動回覆|자동 ?회신|מענה אוטומטי|رد تلقائي|پاسخ خودکار|ตอบกลับอัตโนมัติ"
)

BOUNCE = re2.compile(
    r"(?i)undeliver(?:able|ed)|delivery (?:status )?(?:notification|failure|failed|report|error|problem|has failed|delayed)|mail delivery (?:failed|failure|system|problem|error|delayed)|"
    r"failure notice|returned (?:mail|to sender)|mail (?:failed|failure|returned|could not)|non[- ]?deliver(?:y|able)|message (?:could )?not delivered|message undeliverable|"
    r"could not (?:send|deliver)|unable to deliver|mail system error|delivery (?:incomplete|unsuccessful)|warning: (?:could not send|message .{1,60}delayed)|message status - undeliverable|"
    r"(?:error|problem) sending your (?:mail|message)|mail returned|unzustellbar|nicht zugestellt|zustellung (?:fehlgeschlagen|nicht möglich)|unzustellbarkeit|mailzustellung|"
    r"non (?:remis|distribué|délivré)|échec (?:de|d'|\()|non remise|no se (?:puede|pudo|ha podido) entregar|no entregado|devuelto|error de entrega|"
    r"não (?:foi )?entregue|falha (?:na|de) entrega|devolvid[ao]|mancata consegna|non recapitabile|impossibile recapitare|onbestelbaar|niet afgeleverd|"
    r"kan inte levereras|kunne ikke leveres|nie można dostarczyć|недоставлен\w*|не доставлено|配信不能|配信できません|退信|無法傳遞|投递失败|系统退信",
)

RECEIPT = re.compile(
    r"\s*(?:read|gelesen|lu|leído|lido|letto|gelezen|läst|lest|disposition notification|return receipt(?: \(displayed\))?|lesebestätigung|"
    r"accusé de lecture|confirmación de lectura|conferma di lettura|leesbevestiging|not read|ungelesen gelöscht)\b",
    re.IGNORECASE,
)

COMPLAINT = re.compile(
    r"\s*(?:complaint about message from|abuse report\b|spam report\b|feedback report\b)", re.IGNORECASE
)

# Searched in long texts, so in linear time by RE2; the text is in lower case.
UNSUBSCRIBE = re2.compile(
    r"unsubscri|opt[ -]?out|(?:be |to be )?removed? (?:yourself |me |you )?from (?:this|our|the|all) (?:mailing|e?-?mail|list|newsletter)|"
    r"(?:change|update|manage|modify) (?:your )?(?:subscription|(?:e-?)?mail preferences|profile)|to stop receiving|no longer wish to receive|"
    r"abbestellen|abmelden|austragen|désabonn|désinscri|se desinscrire|darse de baja|cancelar (?:la |su |a )?(?:suscripci|inscri|subscri)|"
    r"disiscri|cancella(?:ti|re) (?:l')?iscrizione|afmelden|uitschrijven|avregistrer|avsluta prenumeration|wypisa|отписаться|配信停止|退订",
)
UNSUBSCRIBE_LINK = re2.compile(
    r"(?i)href\s{0,3}=\s{0,3}[\"'][^\"'<>]{0,300}(?:unsubscri|opt-?out|abmeld|desabon|desinscri)"
)
