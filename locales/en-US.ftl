### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = The request could not be parsed.
bad-request-content = The request was syntactically correct but its content is semantically invalid.
unauthorized = The request has no valid credentials for the target resource.
forbidden = The server understood the request but refuses to authorize it.
not-found = The server did not find a current representation for the target resource.
method-not-allowed = The target resource does not support the method of the request.
not-acceptable = The target resource has no representation that the request accepts.
request-timeout = The request did not arrive completely within the time that the server waits for it.
conflict = The request conflicts with the current state of the target resource.
precondition-failed = The target resource does not meet a precondition of the request.
payload-too-large = The content of the request is larger than the server accepts.
uri-too-long = The target of the request is longer than the server accepts.
unsupported-media-type = The target resource does not accept content in the format of the request.
too-many-requests = Too many requests have arrived in a short time.
header-fields-too-large = The header fields of the request are larger than the server accepts.
internal-fault = An internal fault occurred.
service-unavailable = The service cannot answer at the moment. Try again later.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = “{ $parameter }” must be an integer from { $min } to { $max }, not “{ $given }”.
cause-not-a-boolean = “{ $parameter }” must be “true” or “false”, not “{ $given }”.
# $times: how often it was given
cause-parameter-repeated = “{ $parameter }” may be given only once; it was given { $times } times.
# $position: byte position in the query, from 1
cause-percent-encoding = The “%” at position { $position } of the query is not followed by two hexadecimal digits.
# $position: byte position in the query, from 1, where the name or the value begins
cause-query-not-utf8 = The parameter at position { $position } of the query is not UTF-8.
# $path: the path of the request
cause-unknown-path = There is nothing at “{ $path }”.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = The method { $method } is not supported here. Supported: { $allowed }.
# $limit: bytes
cause-uri-too-long = The target of the request may have at most { $limit } bytes.
cause-payload-too-large = The content of the request may have at most { $limit } bytes.
cause-database-unavailable = The database cannot be reached.
# $seconds: how long was waited
cause-deadline-exceeded = The answer was not ready within { $seconds } seconds.
