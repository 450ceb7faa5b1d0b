### What error answers say. Each message exists in every locale, with the same variables.

## Reasons: `messages` of the error envelope, one for each detailCode.

bad-request-syntax = No se ha podido analizar la solicitud.
bad-request-content = La solicitud es sintácticamente correcta, pero su contenido no es semánticamente válido.
unauthorized = La solicitud no incluye credenciales válidas para el recurso de destino.
forbidden = El servidor ha entendido la solicitud, pero se niega a autorizarla.
not-found = El servidor no ha encontrado ninguna representación actual del recurso de destino.
method-not-allowed = El recurso de destino no admite el método de la solicitud.
not-acceptable = El recurso de destino no dispone de ninguna representación aceptada por la solicitud.
request-timeout = La solicitud no ha llegado completa dentro del tiempo de espera del servidor.
conflict = La solicitud entra en conflicto con el estado actual del recurso de destino.
precondition-failed = El recurso de destino no cumple una condición previa de la solicitud.
payload-too-large = El contenido de la solicitud supera el tamaño máximo que acepta el servidor.
uri-too-long = El destino de la solicitud supera la longitud máxima que acepta el servidor.
unsupported-media-type = El recurso de destino no acepta el formato del contenido de la solicitud.
too-many-requests = Se han recibido demasiadas solicitudes en poco tiempo.
header-fields-too-large = Los campos de encabezado de la solicitud superan el tamaño máximo que acepta el servidor.
internal-fault = Se ha producido un error interno.
service-unavailable = El servicio no puede responder en este momento. Inténtelo de nuevo más tarde.

## Causes: what exactly was wrong with the request, and what is allowed.

# $parameter: name of a query parameter; $given: its value; $min, $max: the bounds
cause-not-an-integer = «{ $parameter }» debe ser un número entero del { $min } al { $max }, no «{ $given }».
cause-not-a-boolean = «{ $parameter }» debe ser «true» o «false», no «{ $given }».
# $times: how often it was given
cause-parameter-repeated = «{ $parameter }» solo puede indicarse una vez; número de apariciones: { $times }.
# $position: byte position in the query, from 1
cause-percent-encoding = El carácter «%» en la posición { $position } de la cadena de consulta no va seguido de dos dígitos hexadecimales.
# $position: byte position in the query, from 1, where the parameter begins
cause-query-not-utf8 = El parámetro en la posición { $position } de la cadena de consulta no está codificado en UTF-8.
# $path: the path of the request
cause-unknown-path = No hay nada en «{ $path }».
# $method: the method of the request; $allowed: the methods that are supported
cause-method-not-allowed = El método { $method } no se admite aquí. Métodos admitidos: { $allowed }.
# $limit: bytes
cause-uri-too-long = La longitud máxima del destino de la solicitud, en bytes, es de { $limit }.
cause-payload-too-large = El tamaño máximo del contenido de la solicitud, en bytes, es de { $limit }.
cause-unsupported-media-type = El contenido no puede ser de tipo «{ $given }». Tipos admitidos: { $allowed }.
# $line, $column: place in the content, from 1
cause-not-json = El contenido no es JSON válido en la línea { $line }, columna { $column }.
# $pointer: place in the content, a JSON pointer
cause-field-required = «{ $pointer }» es obligatorio.
# $suggestion: the key that was probably meant
cause-unknown-field = No se reconoce «{ $pointer }». ¿Quería decir «{ $suggestion }»?
cause-not-a-string = «{ $pointer }» debe ser una cadena de texto.
cause-not-an-object = «{ $pointer }» debe ser un objeto.
cause-not-an-array = «{ $pointer }» debe ser un array.
cause-field-not-an-integer = «{ $pointer }» debe ser un número entero del { $min } al { $max }, no «{ $given }».
cause-not-a-time = «{ $pointer }» debe ser una fecha y hora como 2026-01-31T23:59:59.000Z, entre los años 1 y 9999, no «{ $given }».
# $allowed: the values, separated by commas
cause-not-one-of = «{ $pointer }» debe ser uno de los valores { $allowed }, no «{ $given }».
# $limit: characters
cause-text-too-long = La longitud máxima de «{ $pointer }», en caracteres, es de { $limit }.
# $limit: bytes
cause-json-too-large = El tamaño máximo de «{ $pointer }», en bytes, es de { $limit }.
# $limit: items
cause-too-many-items = El número máximo de elementos de «{ $pointer }» es de { $limit }.
cause-null-character = «{ $pointer }» contiene el carácter NUL (U+0000), que no se puede almacenar.
cause-reserved-key = Las claves que empiezan por «{ $key }» están reservadas.
cause-number-too-long = «{ $pointer }» contiene un número con demasiados dígitos. Máximo: { $limit }.
cause-reserved-id = «{ $given }» no puede ser el identificador de una tarea: el valor está vacío o es una ruta de la API.
# $given: the id in the content
cause-id-differs = El identificador del contenido, «{ $given }», no coincide con el de la ruta.
cause-completed-without-status = «{ $pointer }» solo puede establecerse junto con «/completionStatus».
# $allowed: the places that may be changed, separated by commas
cause-immutable = «{ $pointer }» no se puede modificar. Elementos modificables: { $allowed }.
cause-not-a-patch-operation = «{ $pointer }» no es una operación de JSON Patch (RFC 6902).
cause-patch-target-missing = No hay nada en «{ $pointer }» que el parche pueda modificar.
cause-test-failed = El parche esperaba otro valor en «{ $pointer }».
# $constraint: name of a constraint of the table
cause-constraint = La base de datos ha rechazado un valor: { $constraint }.
# $id: id of a task
cause-unknown-task = No existe ninguna tarea con el identificador «{ $id }».
# $current: the ETag that the task has now
cause-etag-differs = La tarea ha cambiado: su ETag es ahora { $current }.
# $parameter: name of a query parameter
cause-parameter-required = «{ $parameter }» es obligatorio.
cause-not-a-cursor = «{ $parameter }» debe ser un cursor obtenido de un encabezado Link de esta lista con los mismos criterios de ordenación.
# $parameter, $other: names of query parameters
cause-parameters-exclude = «{ $parameter }» no puede indicarse junto con «{ $other }».
# $limit: bytes
cause-line-too-long = La longitud máxima de una línea, en bytes, es de { $limit }.
# $limit: lines
cause-too-many-lines = El número máximo de líneas del contenido es de { $limit }; el resto no se ha leído.
# $segment: a part of the path
cause-path-encoding = «{ $segment }», en la ruta, no es UTF-8 con codificación porcentual válida.
cause-content-incomplete = El contenido ha terminado antes de estar completo.
cause-no-token = Falta la cabecera «Authorization» con un token de portador.
# $limit: bytes
cause-token-too-long = El token de portador puede tener como máximo { $limit } bytes.
cause-token-malformed = El token de portador no es un JSON Web Token firmado.
cause-token-kind = El token de portador no es un token de acceso o requiere una extensión que no se admite.
cause-token-algorithm = El token de portador está firmado con un algoritmo para el que su clave no está destinada.
cause-token-signature = El token de portador no está firmado con una clave en la que se confíe aquí.
cause-token-expired = El token de portador ha caducado.
cause-token-not-yet-valid = El token de portador aún no es válido.
cause-token-issuer = El token de portador no procede de un emisor en el que se confíe aquí.
cause-token-audience = El token de portador no está destinado a este servicio.
# $claim: name of a claim
cause-token-claim = La declaración { $claim } del token de portador falta o no es una fecha y hora.
cause-token-no-keys = Las claves con las que se comprueban los tokens de portador no están disponibles.
cause-not-the-gateway = La solicitud no llega a través de la puerta de enlace.
cause-no-identity = La puerta de enlace no indica quién llama.
# $header: name of a header
cause-unreadable-identity = La cabecera { $header } no se puede leer o aparece más de una vez.
# $requests: a number; $period: an amount of time, such as 10s
cause-too-many-requests = Se permiten como máximo { $requests } solicitudes en { $period }.
cause-overloaded = En este momento se están atendiendo demasiadas solicitudes.
cause-database-unavailable = No se puede acceder a la base de datos.
cause-not-confirmed = La base de datos no confirmó a tiempo que la respuesta esté actualizada.
# $seconds: how long was waited
cause-deadline-exceeded = La respuesta no estaba lista al cabo de { $seconds } s.

## Faults of `filters` and `sorters`. $position counts characters from 1, $item sorters from 1.

cause-filter-too-long = La longitud del filtro, en caracteres, es de { $length }; la máxima permitida es de { $limit }.
# $expected: one or more of the messages below, separated by commas
cause-filter-unexpected = Posición { $position } del filtro: «{ $found }» no puede aparecer aquí. Elementos esperados: { $expected }.
cause-filter-ends-early = Posición { $position } del filtro: el filtro termina demasiado pronto. Elementos esperados: { $expected }.
# $allowed: the fields, separated by commas
cause-filter-unknown-field = Posición { $position } del filtro: el campo «{ $given }» no existe. Campos disponibles: { $allowed }.
# $allowed: the operators, separated by commas
cause-filter-operator = Posición { $position } del filtro: «{ $field }» no admite el operador «{ $given }». Operadores admitidos: { $allowed }.
# $expected, $given: one of the kinds below
cause-filter-wrong-type = Posición { $position } del filtro: el valor con el que se compara «{ $field }» no es del tipo correcto. Valor esperado: { $expected }; valor indicado: { $given }.
cause-filter-unknown-name = Posición { $position } del filtro: «{ $given }» no es un valor de «{ $field }». Valores admitidos: { $expected }.
cause-filter-invalid-time = Posición { $position } del filtro: «{ $given }» no es una fecha y hora como 2026-01-31T23:59:59Z. Si se indica una hora, esta debe ir seguida de «Z» o de un desfase respecto a UTC, cuyo «+» se escribe %2B en una URL.
cause-filter-time-out-of-range = Posición { $position } del filtro: la fecha y hora «{ $given }» no está entre los años 1 y 9999.
cause-filter-number-out-of-range = Posición { $position } del filtro: el número «{ $given }» está fuera del intervalo del { $min } al { $max }.
cause-filter-unterminated-text = Posición { $position } del filtro: la cadena que empieza aquí no tiene comillas dobles de cierre.
cause-filter-unknown-escape = Posición { $position } del filtro: una barra invertida debe ir seguida de otra barra invertida o de comillas dobles.
cause-filter-null-character = Posición { $position } del filtro: el carácter NUL (U+0000) no está permitido.
# $limit: characters
cause-filter-text-too-long = Posición { $position } del filtro: la cadena que empieza aquí es demasiado larga. Longitud máxima, en caracteres: { $limit }.
# $limit: levels
cause-filter-too-deep = Posición { $position } del filtro: el anidamiento de paréntesis y «not» es demasiado profundo. Número máximo de niveles: { $limit }.
# $limit: comparisons
cause-filter-too-many-comparisons = Posición { $position } del filtro: hay demasiadas comparaciones. Número máximo: { $limit }.
# $limit: values
cause-filter-too-many-values = Posición { $position } del filtro: la lista tiene demasiados valores. Número máximo: { $limit }.
cause-sorter-empty = El criterio de ordenación { $item } está vacío. Criterios admitidos: { $allowed }.
cause-sorter-unknown = El criterio de ordenación { $item }, «{ $given }», es desconocido. Criterios admitidos: { $allowed }, cada uno con un «-» opcional delante para el orden descendente.
cause-sorter-repeated = El criterio de ordenación { $item } repite «{ $sorter }».

## Parts of the messages above: what can stand in a filter, and kinds of values.

expected-field = un campo
expected-operator = un operador
expected-end = el final del filtro
# $word: a word or sign of the filter language
word = «{ $word }»
kind-text = una cadena entre comillas dobles
kind-number = un número
kind-time = una fecha y hora
kind-boolean = un valor booleano
kind-null = null
# $names: the values, separated by commas
kind-enumeration = { $names }
