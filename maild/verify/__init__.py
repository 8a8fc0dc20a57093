"""Who really sent a mail: SPF, DKIM, DMARC and ARC, checked by maild itself (`trust.verify`). All it touches is the DNS."""
