"""Reports: what a message says about other messages. [pure]

    recognise   the one function that tells what a message is            view      a message taken apart for it
    status      delivery-status fields (RFC 3464)                        prose     bounces in words of any form
    arf         feedback reports (RFC 5965), read and written            notices   bounces as JSON (Amazon SES)
    dsn         delivery status notifications, written                   answers   what a person's reply says
    signs, phrases   the words and fields they are known by              glance    whether a header stands out
    files       messages as they lie in files

What a reason means, hard or soft, is not said here but in `mail.bounces`.
"""
