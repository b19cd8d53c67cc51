"""What keeps mail from arriving: DNS records that are missing or wrong, and how to mend them."""
