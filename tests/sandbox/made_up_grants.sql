-- Licensed under the Apache License, Version 2.0; see LICENSE.
--
-- Grants of people who do not exist, in every state, for looking at the page of administrators:
-- :n of them, in SQLite. Their tokens cannot be opened, so that no provider is asked for them.

WITH RECURSIVE
count(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM count WHERE i + 1 < :n),
first(k, name) AS (VALUES (0, 'amelie'), (1, 'ben'), (2, 'clara'), (3, 'david'), (4, 'elif'), (5, 'finn'),
    (6, 'greta'), (7, 'hannah'), (8, 'ida'), (9, 'jonas'), (10, 'kaan'), (11, 'lena'), (12, 'mats')),
last(k, name) AS (VALUES (0, 'adler'), (1, 'braun'), (2, 'cetin'), (3, 'dietrich'), (4, 'engel'),
    (5, 'fischer'), (6, 'gross'), (7, 'hoffmann'), (8, 'ivanov'), (9, 'jung'), (10, 'kowalski')),
fault(k, status, errors, message) AS (VALUES
    (0, 0, 0, 'deactivated by an administrator'), (1, 0, 1, 'sign-in-required GT0520 AADSTS700082'),
    (2, 2, 1, 'interaction-required GT0521 AADSTS50076'), (3, 2, 1, 'interaction-required GT0521 AADSTS65001'),
    (4, 1, 1, 'refused GT0520 AADSTS50173'), (5, 1, 2, 'refused GT0520 AADSTS50057'))
INSERT INTO user_tokens (user_id, email, scopes, encrypted_access_token, encrypted_refresh_token,
    status, error_count, error_message, expires_at, created_at, updated_at, last_used_at, use_count)
SELECT first.name || '.' || last.name || (i / 143), first.name || '.' || last.name || (i / 143) || '@example.org',
    'openid profile email offline_access User.Read Calendars.ReadWrite', 'made up', 'made up',
    coalesce(fault.status, 1), coalesce(fault.errors, 0), fault.message,
    strftime('%Y-%m-%d %H:%M:%S', 'now', CASE WHEN fault.k IS NULL AND i % 9 > 0
        THEN '+' || (i * 7919 % 2592000) ELSE '-' || (i * 131 % 432000) END || ' seconds'),
    strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || (90 + i * 31 % 400) || ' days'),
    strftime('%Y-%m-%d %H:%M:%S', 'now', '-' || (i * 977 % 864000) || ' seconds'),
    CASE WHEN i % 11 = 0 THEN 0 ELSE strftime('%s', 'now') - i * 977 % 864000 END,
    CASE WHEN i % 11 = 0 THEN 0 ELSE i * 37 % 5000 END
FROM count JOIN first ON first.k = i % 13 JOIN last ON last.k = i % 11
    LEFT JOIN fault ON i % 8 = 5 AND fault.k = i / 8 % 6;
