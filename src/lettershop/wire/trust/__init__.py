"""Who a message is from: SPF, DKIM, DMARC and Authentication-Results as pure decisions. [pure]

A check that needs DNS is a generator: it yields a `questions.Query`, gets an `questions.Answer`, returns its result.
`questions.drive` answers from a function (tests), `mail.authenticate` from a resolver. No clock, no socket here.
"""
