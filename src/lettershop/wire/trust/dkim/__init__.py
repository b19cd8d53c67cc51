"""DKIM: RFC 6376 with RFC 8301 (which algorithms) and RFC 8463 (Ed25519). [pure]

canonical   simple and relaxed forms, in linear time
tags        tag=value lists; the signature field as a value
keys        key records; loading private keys
sign        Signer (a domain's key, ready), sign_message
verify      signatures of a message, each a Check that asks for its key
"""
