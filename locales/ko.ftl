### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = 요청의 구문을 분석할 수 없습니다.
bad-request-content = 요청의 구문은 올바르지만 내용이 의미상 유효하지 않습니다.
unauthorized = 대상 리소스에 대한 유효한 자격 증명이 요청에 포함되어 있지 않습니다.
forbidden = 서버가 요청을 이해했지만 승인을 거부했습니다.
not-found = 서버에서 대상 리소스의 현재 표현을 찾을 수 없습니다.
method-not-allowed = 대상 리소스가 요청 메서드를 지원하지 않습니다.
not-acceptable = 대상 리소스에는 요청에서 허용하는 표현이 없습니다.
request-timeout = 서버의 대기 시간 안에 요청이 모두 도착하지 않았습니다.
conflict = 요청이 대상 리소스의 현재 상태와 충돌합니다.
precondition-failed = 대상 리소스가 요청의 사전 조건을 충족하지 않습니다.
payload-too-large = 요청 콘텐츠의 크기가 서버에서 허용하는 한도를 초과합니다.
uri-too-long = 요청 대상의 길이가 서버에서 허용하는 한도를 초과합니다.
unsupported-media-type = 대상 리소스가 이 요청의 콘텐츠 형식을 지원하지 않습니다.
too-many-requests = 짧은 시간 동안 너무 많은 요청이 들어왔습니다.
header-fields-too-large = 요청 헤더 필드의 크기가 서버에서 허용하는 한도를 초과합니다.
internal-fault = 내부 오류가 발생했습니다.
service-unavailable = 현재 서비스가 응답할 수 없습니다. 나중에 다시 시도하십시오.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = ‘{ $parameter }’의 값은 { $min } 이상 { $max } 이하의 정수여야 합니다. 지정된 값은 ‘{ $given }’입니다.
cause-not-a-boolean = ‘{ $parameter }’의 값은 ‘true’ 또는 ‘false’여야 합니다. 지정된 값은 ‘{ $given }’입니다.
# $times: how often it was given
cause-parameter-repeated = ‘{ $parameter }’ 매개변수는 한 번만 지정할 수 있지만 { $times }번 지정되었습니다.
# $position: byte position in the query, from 1
cause-percent-encoding = 쿼리의 { $position }번째 바이트에 있는 ‘%’ 뒤에 두 자리 16진수가 없습니다.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = 쿼리의 { $position }번째 바이트에 있는 매개변수가 올바른 UTF-8이 아닙니다.
# $path: the path of the request
cause-unknown-path = ‘{ $path }’ 경로에는 아무것도 없습니다.
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = { $method } 메서드는 여기에서 지원되지 않습니다. 지원되는 메서드는 { $allowed }입니다.
# $limit: bytes
cause-uri-too-long = 요청 대상은 최대 { $limit }바이트까지 허용됩니다.
cause-payload-too-large = 요청 콘텐츠는 최대 { $limit }바이트까지 허용됩니다.
cause-database-unavailable = 데이터베이스에 연결할 수 없습니다.
# $seconds: how long was waited
cause-deadline-exceeded = { $seconds }초 안에 응답이 준비되지 않았습니다.
