"""Messages of RFC 5322 and MIME: read (headers, addresses, words, dates, mime) and written (compose). [pure]"""
