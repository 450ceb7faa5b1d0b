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
cause-database-unavailable = No se puede acceder a la base de datos.
# $seconds: how long was waited
cause-deadline-exceeded = La respuesta no estaba lista al cabo de { $seconds } s.
