"""SPF: RFC 7208, complete. [pure]

record   the text of a record -> terms; anything wrong is found here, before evaluation (RFC 7208 4.6)
macros   %{...} strings: parsed, and expanded
check    check_host as a Check that asks the DNS, with all limits

result = drive(check_host(Client("192.0.2.1", "mx.b.example"), "a@b.example"), ask)
"""
